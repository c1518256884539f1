"""The always-on oracles: grammar, synchrony, liveness and segmentation, in every check.

What they find is a finding of its own, counted once a kind with the places it was seen, and does not turn the verdict
of the check in which it came up: a server with one trailing space must not fail everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from conformance.target import SCHEMES
from conformance.wire import pop3 as pop3_wire
from conformance.wire import smtp as smtp_wire
from conformance.wire.connection import CONNECTS
from conformance.wire.transcript import Transcript
from reports.records import CheckResult, Direction, Ended, Event, Level, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """One kind of always-on finding, with the requirements that it judges."""

    id: str
    title: str
    requirements: tuple[str, ...]
    level: Level = Level.MUST
    rationale: str = ""

    @property
    def protocol(self) -> str:
        """`smtp`, `pop3` or `imap`."""
        return self.id.partition("/")[0]


# Which catalogue entries each oracle judges; the verdict is about the first.
_REQUIREMENTS: Mapping[object, tuple[str, ...]] = MappingProxyType(
    {
        smtp_wire.Deviation.BARE_LF: (
            "rfc5321/2.3.8/1",
            "rfc5321/2.3.8/2",
            "rfc5321/2.3.7/2",
            "rfc854/3.4/4",
        ),
        smtp_wire.Deviation.BAD_CODE: (
            "rfc5321/4.2/15",
            "rfc5321/2.4/2",
            "rfc5321/4.3.2/2",
            "rfc5321/4.2/22",
            "rfc5321/4.2.1/11",
            "rfc5321/2.3.7/3",
        ),
        smtp_wire.Deviation.CODE_CHANGED: (
            "rfc5321/4.2.1/23",
            "rfc5321/4.2/10",
            "rfc5321/4.2/11",
            "rfc5321/4.1.1.1/13",
        ),
        smtp_wire.Deviation.BAD_SEPARATOR: (
            "rfc5321/4.2/14",
            "rfc5321/4.2/13",
            "rfc5321/4.2/4",
            "rfc5321/4.2/7",
            "rfc5321/4.2.1/20",
            "rfc5321/4.2.1/21",
            "rfc5321/2.4/3",
        ),
        smtp_wire.Deviation.OVERLONG: ("rfc5321/4.5.3.1/2", "rfc5321/4.5.3.1.5/1"),
        smtp_wire.Deviation.NOT_TEXT: (
            "rfc5321/4.2/12",
            "rfc5321/2.4/13",
            "rfc5321/4.5.2/5",
            "rfc5321/A/1",
            "rfc5321/2.4/14",
            "rfc5321/4.1.1.1/18",
            "rfc854/2/1",
            "rfc854/3/1",
            "rfc854/3.4/5",
            "rfc854/3.4/6",
        ),
        pop3_wire.Deviation.BARE_LF: ("rfc1939/3/11", "rfc1939/3/15"),
        pop3_wire.Deviation.BAD_STATUS: ("rfc1939/3/13", "rfc1939/3/14", "rfc1939/3/10", "rfc2449/3/12"),
        pop3_wire.Deviation.BAD_SEPARATOR: ("rfc2449/3/10",),
        pop3_wire.Deviation.OVERLONG: ("rfc1939/3/12", "rfc2449/3/7", "rfc2449/3/11", "rfc2449/4/4"),
        pop3_wire.Deviation.NOT_PRINTABLE: ("rfc2449/3/10",),
        "imap/grammar": ("rfc3501/9/1",),
        "smtp/synchrony": ("rfc5321/4.2/1", "rfc5321/4.3.1/1", "rfc5321/2.1/4", "rfc5321/4.2.1/2"),
        "pop3/synchrony": ("rfc1939/3/3", "rfc1939/5/3"),
        "imap/synchrony": ("rfc3501/2.2/1", "rfc3501/2.2.2/3"),
        "smtp/liveness": ("rfc5321/3.8/2",),
        "pop3/liveness": ("rfc1939/3/2",),
        "imap/liveness": ("rfc3501/3/1",),
        "smtp/segmentation": ("rfc5321/2.4/12",),
        "pop3/segmentation": ("rfc1939/3/5",),
        "imap/segmentation": ("rfc3501/2.2/3",),
    }
)

_SMTP_GRAMMAR = MappingProxyType(
    {
        smtp_wire.Deviation.BARE_LF: "Every reply line ends in CRLF",
        smtp_wire.Deviation.BAD_CODE: "Every reply line begins with a three-digit code",
        smtp_wire.Deviation.CODE_CHANGED: "All lines of one reply have the same code",
        smtp_wire.Deviation.BAD_SEPARATOR: "A space, a hyphen or the end of the line follows the reply code",
        smtp_wire.Deviation.OVERLONG: "A reply line is no longer than 512 octets",
        smtp_wire.Deviation.NOT_TEXT: "Reply text is printable US-ASCII",
    }
)
_POP3_GRAMMAR = MappingProxyType(
    {
        pop3_wire.Deviation.BARE_LF: "Every response line ends in CRLF",
        pop3_wire.Deviation.BAD_STATUS: "A response begins with +OK or -ERR in upper case",
        pop3_wire.Deviation.BAD_SEPARATOR: "A space or the end of the line follows the status indicator",
        pop3_wire.Deviation.OVERLONG: "A response line is no longer than 512 octets",
        pop3_wire.Deviation.NOT_PRINTABLE: "A status line is printable US-ASCII",
    }
)


def _declare() -> dict[str, Oracle]:
    found: dict[str, Oracle] = {}

    def add(oracle_id: str, title: str, *requirements: str, level: Level = Level.MUST, rationale: str = "") -> None:
        found[oracle_id] = Oracle(
            id=oracle_id, title=title, requirements=requirements, level=level, rationale=rationale
        )

    for smtp_kind, title in _SMTP_GRAMMAR.items():
        # Larger objects than §4.5.3.1 names SHOULD be avoided; the rest is grammar.
        level = Level.SHOULD if smtp_kind is smtp_wire.Deviation.OVERLONG else Level.MUST
        add(f"smtp/grammar/{smtp_kind.name.lower()}", title, *_REQUIREMENTS[smtp_kind], level=level)
    for pop3_kind, title in _POP3_GRAMMAR.items():
        add(f"pop3/grammar/{pop3_kind.name.lower()}", title, *_REQUIREMENTS[pop3_kind])
    add("imap/grammar/response", "Every response is in the formal syntax", *_REQUIREMENTS["imap/grammar"])
    for protocol, name in (("smtp", "SMTP"), ("pop3", "POP3"), ("imap", "IMAP")):
        add(
            f"{protocol}/synchrony/one_answer_to_each_command",
            "Every command gets exactly one answer",
            *_REQUIREMENTS[f"{protocol}/synchrony"],
            rationale="An extra or missing answer means that server and client disagree on where commands begin: "
            "smuggling, injection, literal and chunk faults all show like this.",
        )
        add(
            f"{protocol}/liveness/keeps_serving",
            f"The {name} server still answers new connections afterwards",
            *_REQUIREMENTS[f"{protocol}/liveness"],
        )
        add(
            f"{protocol}/segmentation/same_verdict_however_cut",
            "What the server does never depends on where TCP segments are cut",
            *_REQUIREMENTS[f"{protocol}/segmentation"],
        )
    return found


ORACLES = MappingProxyType(_declare())


def family_of(protocol: str) -> str:
    """Whose oracles watch a protocol: those of SMTP look at LMTP too, whose commands and replies are SMTP's."""
    return "smtp" if protocol == "lmtp" else protocol


def url_in(transcript: Iterable[Event], protocol: str = "") -> str:
    """The URL of the first connection in a transcript, of this protocol if one is named; empty if there is none."""
    for event in transcript:
        if event.direction is Direction.NOTE and event.note.startswith(CONNECTS):
            url = event.note.removeprefix(CONNECTS)
            if not protocol or family_of(SCHEMES[url.partition(":")[0]].protocol) == protocol:
                return url
    return ""


@dataclass(slots=True)
class _Sighting:
    """The first time a kind was seen, and everywhere it was."""

    expected: str
    got: str
    ended: Ended
    transcript: tuple[Event, ...]
    url: str = ""
    places: dict[str, None] = field(default_factory=dict)


class OracleLog:
    """What the oracles saw in one run. Implements `conformance.session.Watcher`."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], _Sighting] = {}
        self._looked: set[str] = set()
        self._unreachable: dict[str, list[str]] = {}
        self.check = ""
        self.transcript = Transcript()
        self.muted = False

    def begin(self, check: str) -> None:
        """What is seen from now on was seen in this check."""
        self.check = check
        self.transcript = Transcript()

    def unreachable(self, protocol: str, why: str) -> None:
        """An endpoint of the target could not be reached, so that whether it serves is not known."""
        self._unreachable.setdefault(protocol, []).append(why)

    def looked(self, protocol: str, oracle: str) -> None:
        """The oracle (`grammar`, `synchrony`, …) had something of this protocol to look at."""
        if not self.muted:
            self._looked.add(f"{protocol}/{oracle}")

    def deviation(self, protocol: str, kind: str, meaning: str, raw: bytes) -> None:
        """A reply's form broke the grammar."""
        oracle = "imap/grammar/response" if protocol == "imap" else f"{protocol}/grammar/{kind}"
        self.saw(oracle, ORACLES[oracle].title, f"{meaning}: {raw[:400]!r}", kind=kind)

    def desynchronised(self, protocol: str, expected: str, got: str) -> None:
        """A command did not get exactly one answer."""
        oracle = f"{protocol}/synchrony/one_answer_to_each_command"
        self.saw(oracle, expected, got, ended=Ended.DESYNCHRONISED)

    def saw(self, oracle: str, expected: str, got: str, *, ended: Ended = Ended.ANSWERED, kind: str = "") -> None:
        """Count a finding; the first sighting of a kind gives the evidence."""
        if self.muted:
            return
        self._looked.add(oracle.rpartition("/")[0])
        if (oracle, kind) not in self._seen:
            events = self.transcript.events
            url = url_in(events, ORACLES[oracle].protocol)
            self._seen[oracle, kind] = _Sighting(expected, got, ended, events, url)
        self._seen[oracle, kind].places[self.check] = None

    def saw_segmentation(self, protocol: str, expected: str, got: str, transcript: tuple[Event, ...]) -> None:
        """A check that held with whole segments did not with other ones."""
        oracle = f"{protocol}/segmentation/same_verdict_however_cut"
        self.looked(protocol, "segmentation")
        found = _Sighting(expected, got, Ended.ANSWERED, transcript, url_in(transcript, protocol))
        sighting = self._seen.setdefault((oracle, ""), found)
        sighting.places[self.check] = None

    def note(self, text: str, octets: bytes = b"") -> None:
        """Write a remark, such as what was read back from a mailbox, into the running transcript."""
        shown = f": {octets[:2000]!r}" if octets else ""
        self.transcript.note(text + shown, at_s=0.0, session=0)

    def found_in(self, check: str) -> frozenset[str]:
        """Ids of the oracles that saw something in this check."""
        return frozenset(oracle for (oracle, _), seen in self._seen.items() if check in seen.places)

    def results(self, rules: Iterable[tuple[str, str]]) -> list[CheckResult]:
        """One result for each kind seen, and a satisfied one for each oracle that looked and saw nothing.

        That of liveness is inconclusive where an endpoint could not be reached.
        """
        rule_of = dict(rules)
        results = []
        for oracle in ORACLES.values():
            if oracle.id.rpartition("/")[0] not in self._looked:
                continue
            base = {requirement: rule_of.get(requirement, "") for requirement in oracle.requirements}
            sightings = [(kind, seen) for (name, kind), seen in self._seen.items() if name == oracle.id]
            for kind, seen in sightings:
                name = f"imap/grammar/{kind}" if oracle.id == "imap/grammar/response" else oracle.id
                results.append(
                    CheckResult(
                        check=name,
                        title=oracle.title,
                        requirements=oracle.requirements,
                        rules=base,
                        level=oracle.level,
                        verdict=Verdict.VIOLATED,
                        ended=seen.ended,
                        expected=seen.expected,
                        got=seen.got,
                        transcript=seen.transcript,
                        seen_in=tuple(seen.places),
                        url=seen.url,
                        rationale=oracle.rationale,
                    )
                )
            if not sightings:
                unreached = self._unreachable.get(oracle.protocol, ()) if "/liveness/" in oracle.id else ()
                results.append(
                    CheckResult(
                        check=oracle.id,
                        title=oracle.title,
                        requirements=oracle.requirements,
                        rules=base,
                        level=oracle.level,
                        verdict=Verdict.INCONCLUSIVE if unreached else Verdict.SATISFIED,
                        reason="; ".join(unreached),
                        rationale=oracle.rationale,
                    )
                )
        return results
