"""The help of `mailspec load` has every option under a heading."""

from __future__ import annotations

import click
from click.testing import CliRunner

from loadtest.command import load
from loadtest.option_groups import GROUPS


def test_every_option_is_under_one_heading_and_none_under_two() -> None:
    options = [str(parameter.name) for parameter in load.params if isinstance(parameter, click.Option)]
    grouped = [name for names in GROUPS.values() for name in names]
    assert len(grouped) == len(set(grouped))
    assert set(options) <= set(grouped)


def test_the_help_shows_every_option_once() -> None:
    text = CliRunner().invoke(load, ["--help"]).output
    for parameter in load.params:
        if isinstance(parameter, click.Option):
            shown = [line for line in text.splitlines() if line.strip().split(" ")[0] == parameter.opts[0]]
            assert len(shown) == 1, parameter.opts[0]
    assert [line.rstrip(":") for line in text.splitlines() if line.rstrip(":") in GROUPS] == list(GROUPS)
