"""What a conformance run found: the records behind `run.json`.

Level (how strongly the RFC binds, RFC 2119) and verdict (what was seen) are two axes and never one; `reports.grade`
alone joins them. All times are seconds; `at_s` counts from the moment the session's connection was opened.
"""

from __future__ import annotations

from enum import Enum

import msgspec

SCHEMA_VERSION = 1
"""Raised whenever a reader of `run.json` written for the version before would misread the new one."""


class Level(Enum):
    """How strongly a requirement binds (RFC 2119); prose that binds without the word is MUST."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Verdict(Enum):
    """What a check saw."""

    SATISFIED = "satisfied"
    VIOLATED = "violated"
    NOT_APPLICABLE = "not_applicable"
    INCONCLUSIVE = "inconclusive"


class Ended(Enum):
    """How the judged session ended, beside the verdict."""

    ANSWERED = "answered"
    CLOSED = "closed"
    HUNG = "hung"
    DESYNCHRONISED = "desynchronised"
    DIED = "died"


class Direction(Enum):
    """Who sent an event's octets; NOTE is the judge's own remark and crosses no wire."""

    SENT = "sent"
    RECEIVED = "received"
    NOTE = "note"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a transcript. `octets` is base64 in JSON; `session` counts connections within one check from 1;
    0 marks a remark that belongs to none, such as what was read back from a mailbox.
    """

    at_s: float
    direction: Direction
    octets: bytes = b""
    note: str = ""
    session: int = 1


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of one check, with the evidence for it.

    `requirements` are catalogue ids such as `rfc5321/4.5.2/3`, the first of which the verdict is about. `rules`
    gives each id's rule in our words, so that a report needs no catalogue. `seen_in` names the checks in which an
    always-on oracle saw this kind of finding (empty for ordinary checks). `remarks` are what the check saw on the way
    and does not judge. `url` is the endpoint of the judged
    session, without credentials. `known` is the reason for which the user declared this finding known; it is then
    shown and not counted.
    """

    check: str
    title: str
    requirements: tuple[str, ...]
    rules: dict[str, str]
    level: Level
    verdict: Verdict
    ended: Ended = Ended.ANSWERED
    reason: str = ""
    remarks: tuple[str, ...] = ()
    expected: str = ""
    got: str = ""
    transcript: tuple[Event, ...] = ()
    examples: int = 0
    seen_in: tuple[str, ...] = ()
    url: str = ""
    rationale: str = ""
    known: str = ""
    duration_s: float = 0.0


class CoverageRow(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one RFC's sentences of one level is judged: `sentences = checked + unobservable + open`."""

    rfc: str
    level: Level
    sentences: int
    checked: int
    unobservable: int
    open: int

    def __post_init__(self) -> None:
        """Refuse a row whose parts do not make up the whole."""
        if self.sentences != self.checked + self.unobservable + self.open:
            raise ValueError(f"coverage does not add up: {self}")


class TlsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint showed in its TLS handshake.

    `names` are the identities that the certificate claims: DNS names and addresses, in a certificate without any the
    subject's common name. `objections` say what a client that verifies would hold against it; mail between servers is
    encrypted without asking (RFC 7435), so none of them is a finding. Names are the server's words: untrusted.
    """

    version: str
    cipher: str
    names: tuple[str, ...] = ()
    issuer: str = ""
    not_before: str = ""
    not_after: str = ""
    objections: tuple[str, ...] = ()


class TargetRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The mail system that was judged; URLs carry no passwords.

    `greetings` holds each endpoint's first line as text with other octets escaped, `capabilities` what it
    advertised, `tls` its handshake, all by URL. They are the server's words: untrusted.
    """

    name: str
    urls: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    greetings: dict[str, str] = {}
    capabilities: dict[str, tuple[str, ...]] = {}
    tls: dict[str, TlsRecord] = {}


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run, as `run.json` holds it."""

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    target: TargetRecord
    started_at: str
    duration_s: float
    seed: int
    profile: str
    tier: str
    segment: str = "whole"
    results: tuple[CheckResult, ...] = ()
    coverage: tuple[CoverageRow, ...] = ()


def encode_run(run: RunResult) -> bytes:
    """The run as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n"


def decode_run(data: bytes) -> RunResult:
    """Read `run.json`.

    Raises:
        ValueError: the data is not JSON of this schema, or of another schema version.
    """
    try:
        run = msgspec.json.decode(data, type=RunResult)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a mailspec run: {error}") from error
    if run.schema_version != SCHEMA_VERSION:
        raise ValueError(f"run.json of schema {run.schema_version}; this mailspec reads {SCHEMA_VERSION}")
    return run
