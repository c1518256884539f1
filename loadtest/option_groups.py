"""`mailspec load --help`: its many options under headings, in the order in which somebody needs them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import click

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "How much": ("users", "run_time", "warm_up", "spawn_rate", "arrivals", "pace", "think_time", "max_rate"),
        "What": (
            "message_size",
            "recipients_per_message",
            "messages_per_session",
            "pipelining",
            "tls",
            "feed_rate",
            "slow_clients",
            "seed",
        ),
        "Who": ("accounts", "recipients", "sender", "domains", "i_own_this_server"),
        "What counts": ("fail_if", "reply_timeout", "late_after", "settle", "judge"),
        "find-capacity": ("objectives", "searched", "start_rate", "step"),
        "Results": ("json_file", "html_file", "web", "web_port"),
        "Several processes and machines": ("processes", "master", "worker", "master_host", "master_port"),
    }
)
"""Headings, and the parameters of the command under each."""


class GroupedOptions(click.Command):
    """A command whose help has its options under headings; those that no group names come last."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        records = {
            str(parameter.name): record
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)) is not None
        }
        for heading, names in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([records.pop(name) for name in names if name in records])
        with formatter.section("Other"):
            formatter.write_dl(list(records.values()))
