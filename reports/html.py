"""A run as one self-contained HTML page: style and script inline, nothing loaded, every word of the server escaped.

The page's Content-Security-Policy allows its own style and script by their hashes and nothing else, so that even a
mistake in escaping could neither run a script nor fetch anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from reports import wording
from reports.citations import cite
from reports.grade import ExitCode
from reports.octets import printable, visible_lines
from reports.records import CheckResult, Event, RunResult, Verdict
from reports.transcripts import Excerpt, excerpt, several_sessions, turns

TURN_LINES = 16
"""Lines of one turn that the page shows before its middle is left out."""

CLIP_CHARACTERS = 4000
"""Characters of one free text (expected, got, reason) that the page shows before its middle is left out."""

_TEMPLATES = Path(__file__).with_name("templates")
_SIGNS = re.compile("(\u240d\u240a|[\u2400-\u2421]|‹[^›]*›)")
_CONTROL_NAMES = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI "
    "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US SP DEL"
)
_CRLF = "\u240d\u240a"
_GRADE_NAME = {
    ExitCode.CONFORMS: "conforms",
    ExitCode.VIOLATES: "violates",
    ExitCode.INCONCLUSIVE: "inconclusive",
}


def render_html(run: RunResult, *, strict: bool = False, run_file: str = "run.json") -> str:
    """The report page of one run; `run_file` is the name by which the replay commands call it."""
    found, known = wording.findings(run), wording.known_findings(run)
    anchors = {
        id(result): f"finding-{number}-{re.sub('[^A-Za-z0-9]+', '-', result.check)}"
        for number, result in enumerate([*found, *known], 1)
    }
    line = wording.headline(run, strict=strict)
    undecided = {verdict: wording.by_reason(run, verdict) for verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)}
    return render_page(
        "report.html.j2",
        {
            "run": run,
            "run_file": run_file,
            "line": line,
            "grade": _GRADE_NAME[line.grade],
            "counts": wording.counts(run),
            "found": [(result, anchors[id(result)]) for result in found],
            "known": [(result, anchors[id(result)]) for result in known],
            "undecided": undecided,
            "undecided_count": sum(len(members) for groups in undecided.values() for members in groups.values()),
            "coverage": wording.by_rfc(run.coverage),
            "suites": _suites(run.results, anchors),
            "parameters": _parameters(run, strict=strict),
            "endpoints": list(dict.fromkeys([*run.target.urls, *run.target.greetings, *run.target.capabilities])),
        },
    )


def render_page(template: str, values: Mapping[str, object], *, style: str = "", scripts: Sequence[str] = ()) -> str:
    """Fill one of the templates; the style, the script and their hashes come from beside it.

    `style` is added to the page's own, `scripts` run before its own. They are our own or a library's; nothing of a run
    may reach them.
    """
    own_style, script = (_TEMPLATES.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    style = own_style + style
    page: str = (
        _environment()
        .get_template(template)
        .render(
            values,
            style=Markup(style),  # noqa: S704 - our own file, no run reaches it
            scripts=[Markup(text) for text in (*scripts, script)],  # noqa: S704 - likewise
            style_hash=_hash(style),
            script_hashes=[_hash(text) for text in (*scripts, script)],
        )
    )
    return page


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "printable": printable,
        "marked": _marked,
        "clip": _clip,
        "lines": lambda octets: visible_lines(octets, max_lines=TURN_LINES),
        "excerpt": _excerpt,
        "several_sessions": several_sessions,
        "one_per_section": _one_per_section,
        "thousands": lambda number: f"{number:,}",
        "duration": wording.duration,
    }
    environment.globals |= {
        "LEVELS": wording.LEVELS,
        "VERDICTS": wording.VERDICTS,
        "WORD": wording.WORD,
        "SIGN": wording.SIGN,
        "ENDING": wording.ENDING,
        "Verdict": Verdict,
        "cite": cite,
        "count": wording.count,
        "replay_command": wording.replay_command,
    }
    return environment


def _marked(text: str) -> Markup:
    """Escape, then set our own signs for octets apart from the server's words.

    Control pictures become boxed names (`CRLF`, `NUL`): few fonts have the pictures, and none reads them aloud.
    """
    return Markup("").join(
        _mark(part) if number % 2 else escape(part) for number, part in enumerate(_SIGNS.split(text))
    )


def _mark(sign: str) -> Markup:
    if sign.startswith("‹"):
        return Markup('<span class="hex">{}</span>').format(sign)
    name = "CRLF" if sign == _CRLF else _CONTROL_NAMES.split()[ord(sign) - 0x2400]
    return Markup('<span class="sign">{}</span>').format(name)


def _clip(text: str) -> str:
    text = printable(text, keep_newlines=True)
    if len(text) <= CLIP_CHARACTERS:
        return text
    head, tail = CLIP_CHARACTERS * 3 // 4, CLIP_CHARACTERS // 4
    return f"{text[:head]}‹… {len(text) - head - tail:,} characters left out …›{text[-tail:]}"


def _one_per_section(requirements: Iterable[str]) -> list[str]:
    return list({cite(requirement).label: requirement for requirement in requirements}.values())


def _excerpt(events: Iterable[Event], head: int, tail: int) -> Excerpt:
    return excerpt(turns(events), head=head, tail=tail)


def _suites(
    results: Iterable[CheckResult], anchors: Mapping[int, str]
) -> list[tuple[str, list[tuple[CheckResult, str]]]]:
    ordered = sorted(results, key=lambda result: (wording.suite_of(result.check), result.check, result.url))
    return [
        (suite, [(result, anchors.get(id(result), "")) for result in group])
        for suite, group in groupby(ordered, key=lambda result: wording.suite_of(result.check))
    ]


def _parameters(run: RunResult, *, strict: bool) -> list[tuple[str, str]]:
    return [
        ("Tool", f"mailspec {run.tool_version}"),
        ("Started", run.started_at),
        ("Duration", wording.duration(run.duration_s)),
        ("Seed", str(run.seed)),
        ("Profile", run.profile),
        ("Tier", run.tier),
        ("Segmentation", run.segment),
        ("Binding levels", "MUST and SHOULD" if strict else "MUST"),
        ("Accounts", ", ".join(run.target.accounts) or "none"),
        ("Schema", str(run.schema_version)),
    ]


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
