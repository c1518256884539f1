"""A run as plain text for a terminal or a log: findings, counts, verdict. No colour, no clock, no I/O."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from reports import wording
from reports.citations import cite, rfc_name
from reports.octets import printable, visible_lines
from reports.records import CheckResult, CoverageRow, Direction, Ended, Level, RunResult, Verdict
from reports.transcripts import Turn, excerpt, several_sessions, turns

TAIL_TURNS = 8
"""Turns of a finding's transcript that are shown, counted from its end, where the violation is."""

TURN_LINES = 6
"""Lines of one turn that are shown before its middle is left out."""

MIN_WIDTH = 40
"""Columns below which nothing would fit; narrower widths are treated as this."""

_LABEL_WIDTH = 12
_WHO = {Direction.SENT: "C:", Direction.RECEIVED: "S:", Direction.NOTE: "--"}


def render_text(run: RunResult, *, width: int = 100, strict: bool = False, run_file: str = "run.json") -> str:
    """The whole run as a person reads it in a terminal of `width` columns, verdict last.

    Lines may be wider than `width` only where a single word is: an id, a URL, a command to be copied.
    """
    width = max(width, MIN_WIDTH)
    found = wording.findings(run)
    blocks = [_heading(run, width)]
    blocks += [_finding(number, result, width, run_file) for number, result in enumerate(found, 1)]
    blocks.append(_known(run, width))
    blocks += [_undecided(run, verdict, width) for verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)]
    blocks.append(_remarks(run, width))
    line = wording.headline(run, strict=strict)
    blocks += [_counts(run), [line.words.upper(), *textwrap.wrap(line.detail, width)]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def render_coverage(rows: Iterable[CoverageRow], *, width: int = 100) -> str:
    """Coverage as a table, one line for each RFC and level that has sentences, with totals.

    The bar shows checked as `#`, unobservable as `-`, open as `.`; it takes what `width` leaves.
    """
    counted = wording.by_rfc(rows)
    if not counted:
        return "no coverage recorded\n"
    table: list[tuple[str, ...]] = [("RFC", "level", "sentences", "checked", "unobservable", "open")]
    bars = [""]
    everything = [row for _, group in counted for row in group]
    totals = [_total(level, everything) for level in wording.LEVELS]
    room = max(10, width - 58)
    for row in [*everything, *(total for total in totals if total.sentences)]:
        numbers = (row.sentences, row.checked, row.unobservable, row.open)
        table.append((rfc_name(row.rfc), row.level.value, *(f"{number:,}" for number in numbers)))
        bars.append("  " + _bar(row, room))
    return "\n".join(f"{line}{bar}" for line, bar in zip(columns(table, left=2), bars, strict=True)) + "\n"


def columns(table: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """The cells of a table padded into columns two blanks apart; the first `left` columns align left, others right."""
    widths = [max(len(row[index]) for row in table) for index in range(len(table[0]))]
    return [
        "  ".join(
            cell.ljust(size) if index < left else cell.rjust(size)
            for index, (cell, size) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _heading(run: RunResult, width: int) -> list[str]:
    parts = [
        printable(run.started_at),
        wording.duration(run.duration_s),
        f"seed {run.seed}",
        f"profile {printable(run.profile)}",
        f"tier {printable(run.tier)}",
    ]
    return [
        f"mailspec {printable(run.tool_version)}: {printable(run.target.name)}",
        *textwrap.wrap("  ".join(printable(url) for url in run.target.urls), width, break_long_words=False),
        *textwrap.wrap(", ".join(parts), width),
    ]


def _finding(number: int, result: CheckResult, width: int, run_file: str) -> list[str]:
    rules = {cite(r).label: "" for r in result.requirements}
    lines = [
        f"{number}. {wording.SIGN[result.verdict]} {result.level.value} violated: {printable(result.check)}",
        *_labelled("", printable(result.title), width),
    ]
    for requirement in result.requirements:
        if requirement in result.rules:
            rule = f"{cite(requirement).label}: {result.rules[requirement]}"
            lines += _labelled("rule", printable(rule), width)
            rules.pop(cite(requirement).label, None)
    if rules:
        lines += _labelled("see", printable(", ".join(rules)), width)
    lines += _labelled("expected", printable(result.expected, keep_newlines=True), width)
    lines += _labelled("got", printable(result.got, keep_newlines=True), width)
    lines += _labelled("reason", printable(result.reason, keep_newlines=True), width)
    if result.ended is not Ended.ANSWERED:
        lines += _labelled("ended", wording.ENDING[result.ended], width)
    if result.seen_in:
        seen = f"{wording.count(len(result.seen_in), 'check')}, such as {result.seen_in[0]}"
        lines += _labelled("seen in", printable(seen), width)
    lines += _transcript(result, width)
    lines += _labelled(
        "replay", wording.replay_command(printable(run_file), printable(result.check)), width, wrap=False
    )
    return lines


def _labelled(label: str, text: str, width: int, *, wrap: bool = True) -> list[str]:
    if not text:
        return []
    first, rest = f"   {label:<{_LABEL_WIDTH - 3}}", " " * _LABEL_WIDTH
    if not wrap:
        return [first + text]
    lines = [
        part
        for line in text.split("\n")
        for part in (textwrap.wrap(line, width - _LABEL_WIDTH, break_long_words=False, break_on_hyphens=False) or [""])
    ]
    return [((rest if number else first) + line).rstrip() for number, line in enumerate(lines)]


def _transcript(result: CheckResult, width: int) -> list[str]:
    if not result.transcript:
        return []
    shown = excerpt(turns(result.transcript), head=0, tail=TAIL_TURNS)
    total = shown.left_out + len(shown.head) + len(shown.tail)
    lines = [f"   transcript, last {TAIL_TURNS} of {total:,} turns" if shown.left_out else "   transcript"]
    many = several_sessions(result.transcript)
    for turn in (*shown.head, *shown.tail):
        lines += _turn(turn, width, many_sessions=many)
    return lines


def _turn(turn: Turn, width: int, *, many_sessions: bool) -> list[str]:
    session = (f"#{turn.session} " if turn.session else "   ") if many_sessions else ""
    first = f"   {turn.at_s:8.3f} s  {session}{_WHO[turn.direction]} "
    room = max(20, width - len(first))
    texts = visible_lines(turn.octets, line_octets=2 * room, max_lines=TURN_LINES)
    if turn.note:
        texts.append(printable(turn.note))
    lines = [text[cut : cut + room] for text in texts for cut in range(0, len(text), room)]
    return [(" " * len(first) if number else first) + line for number, line in enumerate(lines)]


def _known(run: RunResult, width: int) -> list[str]:
    known = wording.known_findings(run)
    if not known:
        return []
    lines = ["Declared known:"]
    for result in known:
        state = "" if result.verdict is Verdict.VIOLATED else " NO LONGER SHOWS, take the declaration back;"
        text = f"{wording.SIGN[result.verdict]} {result.level.value} {result.check}:{state} {result.known}"
        lines += textwrap.wrap(
            printable(text), width, initial_indent="   ", subsequent_indent="     ", break_long_words=False
        )
    return lines


def _undecided(run: RunResult, verdict: Verdict, width: int) -> list[str]:
    word = wording.WORD[verdict].capitalize()
    return _grouped(word, wording.SIGN[verdict], wording.by_reason(run, verdict), width)


def _remarks(run: RunResult, width: int) -> list[str]:
    return _grouped("Seen and not judged", "·", wording.by_remark(run), width)


def _grouped(heading: str, sign: str, groups: Mapping[str, Sequence[CheckResult]], width: int) -> list[str]:
    if not groups:
        return []
    lines = [f"{heading}:"]
    for reason, members in groups.items():
        names = ", ".join(result.check for result in members[:3])
        more = f" and {len(members) - 3:,} more" if len(members) > 3 else ""
        text = f"{sign} {reason or '(no reason recorded)'}: {names}{more}"
        lines += textwrap.wrap(
            printable(text), width, initial_indent="   ", subsequent_indent="     ", break_long_words=False
        )
    return lines


def _counts(run: RunResult) -> list[str]:
    table = [["", *(level.value for level in wording.LEVELS)]]
    for verdict, word, numbers in wording.counts(run):
        table.append([f"{wording.SIGN[verdict]} {word}", *(f"{number:,}" for number in numbers)])
    return columns(table)


def _total(level: Level, rows: Iterable[CoverageRow]) -> CoverageRow:
    of_level = [row for row in rows if row.level is level]
    return CoverageRow(
        rfc="all",
        level=level,
        sentences=sum(row.sentences for row in of_level),
        checked=sum(row.checked for row in of_level),
        unobservable=sum(row.unobservable for row in of_level),
        open=sum(row.open for row in of_level),
    )


def _bar(row: CoverageRow, room: int) -> str:
    # Rounding down the middle and giving it the rest keeps the bar at full length; nothing checked shows as nothing.
    checked = row.checked * room // row.sentences
    open_ = -(-row.open * room // row.sentences)
    return "#" * checked + "-" * (room - checked - open_) + "." * open_
