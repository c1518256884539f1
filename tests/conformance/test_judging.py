"""`conformance.judging` and `conformance.plugin`: a whole run, and that nothing goes missing in it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.checks import Tier
from conformance.errors import HarnessError, UsageError
from conformance.judging import InterruptedRunError, judge
from conformance.plan import Plan, Profile, Segment
from conformance.target import Account, Target, target_of
from conformance.wire.connection import Patience
from reference_server.running import running_server
from reports.grade import ExitCode, exit_code
from reports.records import CheckResult, RunResult, Verdict, encode_run
from tests.conformance.hostile_peer import hostile_peer

ACCOUNTS = [Account("alice@example.test", "secret"), Account("bob@example.test", "secret")]
PLAN = Plan(profile=Profile.QUICK, tier=Tier.INTRUSIVE, segment=Segment.WHOLE)


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with running_server(protocols=("smtp", "imap")) as server:
        yield target_of(server.urls.values(), ACCOUNTS)


def written(folder: Path, body: str, *, name: str = "own") -> Path:
    """A file of own checks; each body may use `must` and `expect`."""
    (folder / name).mkdir(exist_ok=True)
    path = folder / name / "check_it.py"
    path.write_text(f"from conformance.checks import must\nfrom conformance.expectations import expect\n{body}\n")
    return folder / name


def run_of(
    target: Target, own: Path | None = None, *, only: str = "own/*", known: str = "", plan: Plan = PLAN
) -> RunResult:
    return judge(
        target, plan, tool_version="0", only=[only], own_checks=[own] if own else [],
        known={known: "a reason"} if known else {},
    )  # fmt: skip


def by_id(run: RunResult) -> dict[str, CheckResult]:
    return {result.check: result for result in run.results}


CHECK = '@must("rfc5321/4.1.1.9/2")\ndef check_it(smtp):\n    """X."""\n'


def test_a_run_against_nothing_that_listens_judges_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    run = run_of(target_of([f"smtp://127.0.0.1:{port}"]), only="smtp/rset/*")
    assert {result.verdict for result in run.results} == {Verdict.INCONCLUSIVE}
    assert exit_code(run.results) is ExitCode.INCONCLUSIVE


def test_checks_of_a_protocol_that_the_target_has_not_got_are_no_success(target: Target) -> None:
    run = run_of(target, only="pop3/greeting/*")
    assert {result.verdict for result in run.results} == {Verdict.NOT_APPLICABLE}
    assert exit_code(run.results) is ExitCode.INCONCLUSIVE


def test_oracles_that_saw_nothing_wrong_in_checks_without_a_verdict_are_no_success(
    target: Target, tmp_path: Path
) -> None:
    own = written(
        tmp_path,
        "from conformance.errors import not_applicable\n"
        + CHECK + "    with smtp() as session:\n        session.greet()\n    raise not_applicable('at the end')\n",
    )  # fmt: skip
    run = run_of(target, own)
    assert [result.verdict for result in run.results] == [Verdict.NOT_APPLICABLE]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (CHECK + "    {}['secret']", "the check itself failed: KeyError: '{password of alice@example.test}'"),
        (CHECK.replace("smtp", "colour"), "fixture 'colour' not found"),
        (CHECK.replace("smtp", "dial"), "neither a strategy nor a fixture"),
        (CHECK + "    import no_such_module", "No module named 'no_such_module'"),
        (CHECK + "    from hypothesis import assume\n    assume(False)", "the check itself failed"),
    ],
)
def test_a_check_that_breaks_by_itself_is_no_verdict_and_not_missing(
    target: Target, tmp_path: Path, body: str, reason: str
) -> None:
    run = run_of(target, written(tmp_path, body))
    assert by_id(run)["own/it/it"].verdict is Verdict.INCONCLUSIVE
    assert reason in by_id(run)["own/it/it"].reason
    assert exit_code(run.results) is ExitCode.INCONCLUSIVE
    assert b"secret" not in encode_run(run)


def test_a_fixture_that_gets_no_answer_is_no_verdict_and_not_missing() -> None:
    def log_in_and_fall_silent(peer: socket.socket) -> None:
        peer.sendall(b"* PREAUTH here\r\n")
        while line := peer.recv(65536):
            if b"LSUB" not in line:
                peer.sendall(line.split(b" ", 1)[0] + b" OK done\r\n")

    with hostile_peer(log_in_and_fall_silent) as port:
        target = target_of([f"imap://127.0.0.1:{port}"], ACCOUNTS, patience=Patience(reply_s=0.2))
        run = run_of(target, only="imap/copy/*")
    assert run.results
    assert {result.verdict for result in run.results} == {Verdict.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("def check_x(:\n  pass", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
        ("@must()\ndef check_x(smtp):\n    '''X.'''", "name the requirement"),
        ("def check_x(smtp):\n    '''X.'''", "not declared as a check"),
    ],
)
def test_a_file_of_own_checks_that_is_broken_stops_the_run_and_says_where(
    target: Target, tmp_path: Path, body: str, complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint) as refused:
        run_of(target, written(tmp_path, body))
    assert "check_it.py" in str(refused.value)
    assert "importtestmodule" not in str(refused.value)


def test_a_selection_without_a_check_says_so(target: Target) -> None:
    with pytest.raises(HarnessError, match="no check's id matches no/such"):
        run_of(target, only="no/such")
    with pytest.raises(HarnessError, match="needs --tier intrusive, and this run's is safe"):
        run_of(target, only="smtp/transparency/*", plan=Plan())
    with pytest.raises(HarnessError, match="waits for minutes, and needs --slow"):
        run_of(target, only="smtp/timeouts/*", plan=Plan())


def test_lmtp_alone_is_judged() -> None:
    with running_server(protocols=("lmtp",)) as server:
        run = run_of(target_of([server.urls["lmtp"]], ACCOUNTS), only="lmtp/greeting/*")
    assert exit_code(run.results) is ExitCode.CONFORMS
    assert {result.url for result in run.results if result.check.startswith("lmtp/")} == {server.urls["lmtp"]}


def test_an_endpoint_beside_the_judged_one_that_is_down_keeps_the_run_from_success(target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    run = run_of(target_of([str(target.endpoints[0]), f"smtps://127.0.0.1:{port}"], ACCOUNTS), only="smtp/rset/is*")
    liveness = by_id(run)["smtp/liveness/keeps_serving"]
    assert (liveness.verdict, f"smtps://127.0.0.1:{port}" in liveness.reason) == (Verdict.INCONCLUSIVE, True)
    assert exit_code(run.results) is ExitCode.INCONCLUSIVE


FAILING = CHECK + "    expect(False, 'this', 'that')\n    assert smtp\n"


def test_a_known_finding_does_not_count_and_one_that_names_no_check_is_refused(target: Target, tmp_path: Path) -> None:
    own = written(tmp_path, FAILING + CHECK.replace("check_it", "check_other") + "    with smtp(): pass")
    assert exit_code(run_of(target, own).results) is ExitCode.VIOLATES
    run = run_of(target, own, known="own/it/it")
    assert by_id(run)["own/it/it"].known == "a reason"
    assert exit_code(run.results) is ExitCode.CONFORMS
    with pytest.raises(UsageError, match="smtp/rset/gone"):
        run_of(target, only="smtp/rset/*", known="smtp/rset/gone")


@pytest.mark.parametrize("known", ["", "own/it/it"])
def test_junit_counts_a_known_finding_as_expected(target: Target, tmp_path: Path, known: str) -> None:
    own = written(tmp_path, FAILING)
    judge(
        target, PLAN, tool_version="0", only=["own/*"], own_checks=[own], known={known: "a reason"} if known else {},
        pytest_arguments=[f"--junitxml={tmp_path / 'junit.xml'}"],
    )  # fmt: skip
    said = (tmp_path / "junit.xml").read_text()
    assert ('failures="1"' in said) is not bool(known)


def test_an_interrupted_run_keeps_what_was_judged_and_says_what_was_not(target: Target, tmp_path: Path) -> None:
    body = CHECK.replace("check_it", "check_a") + "    with smtp(): pass\n"
    body += CHECK.replace("check_it", "check_b") + "    raise KeyboardInterrupt\n"
    body += CHECK.replace("check_it", "check_c") + "    with smtp(): pass\n"
    with pytest.raises(InterruptedRunError) as interrupted:
        run_of(target, written(tmp_path, body))
    results = by_id(interrupted.value.run)
    assert [results[f"own/it/{name}"].verdict for name in "abc"] == [
        Verdict.SATISFIED, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE,
    ]  # fmt: skip
    assert "interrupted" in results["own/it/c"].reason


def test_plugins_and_options_from_the_environment_do_not_change_a_run(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    run = run_of(target, written(tmp_path, CHECK + "    with smtp(): pass"))
    assert by_id(run)["own/it/it"].verdict is Verdict.SATISFIED
    assert os.environ["PYTEST_ADDOPTS"] == "--collect-only"
    assert "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ


def test_the_same_seed_makes_the_same_run(target: Target) -> None:
    def seen(seed: int) -> list[object]:
        run = run_of(target, only="smtp/commands/*", plan=Plan(profile=Profile.QUICK, seed=seed))
        return [
            (result.check, result.verdict, result.examples, result.got, [event.octets for event in result.transcript])
            for result in run.results
        ]

    assert seen(3) == seen(3)


def test_an_own_imap_check_depends_on_imap_alone(target: Target, tmp_path: Path) -> None:
    imap = target_of([str(target.endpoints[1])], ACCOUNTS)
    run = run_of(imap, written(tmp_path, CHECK.replace("smtp", "imap") + "    with imap(): pass"))
    assert by_id(run)["own/it/it"].url == str(target.endpoints[1])
    assert by_id(run)["imap/liveness/keeps_serving"].verdict is Verdict.SATISFIED
    assert "smtp/liveness/keeps_serving" not in by_id(run)


def test_the_url_of_a_finding_is_that_of_the_session_that_showed_it(tmp_path: Path) -> None:
    with running_server(protocols=("smtp", "submission")) as server:
        target = target_of(server.urls.values(), ACCOUNTS)
        body = CHECK.replace("smtp", "submission")
        own = written(tmp_path, body + "    with submission() as s:\n        expect(False, 'this', s.noop())")
        run = run_of(target, own)
        assert by_id(run)["own/it/it"].url == server.urls["submission"]
