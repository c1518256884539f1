"""A locust file of one's own is a scenario like ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadtest.planning import scenario_named
from reference_server.running import running_server
from tests.loadtest.commands import ROOT, as_user, finished, read

EXAMPLE = ROOT / "docs" / "examples" / "newsletter.py"


def test_the_example_of_the_documentation_runs_and_its_messages_are_accounted_for(tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    with running_server(protocols=["smtp", "imap"]) as server:
        urls = (server.urls["smtp"], as_user(server.urls["imap"], "alice@example.test"))
        arguments = ("--users", "2", "--run-time", "2s", "--processes", "2", "--json", str(json_file))
        status, _, err = finished(str(EXAMPLE), *urls, *arguments)
    assert status == 0, err
    result = read(json_file)
    assert (result.scenario, result.operations, result.headline) == ("newsletter", "bursts", "operation")
    assert result.summary.latency_us["operation"].count == result.summary.accepted
    assert result.summary.latency_us["submit"].count >= result.summary.messages
    assert result.summary.messages == 10 * result.summary.accepted > 0
    assert result.summary.ledger.closed
    assert result.summary.ledger.delivered >= result.summary.messages


def test_a_locust_file_hears_of_every_request_and_locusts_statistics_have_them(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    locust_file = tmp_path / "listener.py"
    locust_file.write_text(
        f"""
import json
from pathlib import Path

from locust import events

from loadtest.scenarios.submitting import RelayingUser

heard = []


@events.request.add_listener
def hear(request_type, name, exception, **_):
    heard.append([request_type, name, exception is None])


@events.test_stop.add_listener
def tell(environment, **_):
    Path({str(told)!r}).write_text(json.dumps([heard, environment.stats.total.num_requests]))


class ListenedTo(RelayingUser):
    pass
"""
    )
    json_file = tmp_path / "load.json"
    with running_server(protocols=["smtp"]) as server:
        arguments = ("--users", "2", "--run-time", "1s", "--json", str(json_file))
        status, _, err = finished(str(locust_file), server.urls["smtp"], *arguments)
    assert status == 0, err
    heard, requests = json.loads(told.read_text())
    assert heard == [["SMTP", "submit", True]] * read(json_file).summary.accepted
    assert requests == len(heard) > 0


def test_a_file_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    several = tmp_path / "several.py"
    several.write_text(EXAMPLE.read_text() + "\n\nclass Another(NewsletterUser):\n    pass\n")
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0\n")
    empty = tmp_path / "empty.py"
    empty.write_text("")
    with running_server(protocols=["smtp"]) as server:
        for path, why in (
            (several, f"say which: {several}:NewsletterUser or {several}:Another"),
            (broken, "ZeroDivisionError"),
            (empty, "no class that derives from MailUser"),
        ):
            status, _, err = finished(str(path), server.urls["smtp"], "--run-time", "1s")
            assert (status, why in err) == (3, True), err


def test_a_file_names_its_operations_and_their_latency_without_being_run(tmp_path: Path) -> None:
    assert (scenario_named(str(EXAMPLE)).operations, scenario_named(str(EXAMPLE)).headline) == ("bursts", "operation")
    path = tmp_path / "own.py"
    path.write_text(
        "1 / 0\nclass One:\n    operations: str = 'letters'\nclass Two:\n    headline = 'nap'\nclass Three:\n    pass\n"
    )
    assert scenario_named(f"{path}:One").operations == "letters"
    assert (scenario_named(f"{path}:Three").operations, scenario_named(f"{path}:Three").headline) == (
        "messages",
        "submit",
    )
    with pytest.raises(ValueError, match="nothing called that is timed"):
        scenario_named(f"{path}:Two")
    path.write_text("class")
    with pytest.raises(ValueError, match="is not Python"):
        scenario_named(str(path))
