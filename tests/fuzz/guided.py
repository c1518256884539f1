"""Coverage-guided fuzzing with atheris: `make fuzz`, or `python -m tests.fuzz.guided [--seconds N] [TARGET...]`.

Each target runs in a process of its own, on a corpus that starts with our dialogues and is kept for the next time. What
breaks a promise is left as a file beside it; `--again TARGET FILE` shows it anew.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz import dialogues, encoding, harness, messages
from tests.fuzz.targets import TARGETS

FOLDER = Path(".fuzz")
MAX_INPUT_OCTETS = 4096
SECONDS_FOR_ONE = 20
"""When libFuzzer calls one input a hang."""


def seeds(target: str) -> list[bytes]:
    """Inputs to begin with."""
    if target == "message":
        return [*harness.MESSAGES, *messages.SEEDS]
    found = [encoding.encoded(0, [harness.Feed(line)]) for line in dialogues.OPENINGS[target]]
    for dialogue in dialogues.DIALOGUES.get(target, ()):
        whole = harness.Feed(dialogue)
        found.append(encoding.encoded(0, [whole, harness.Happening.TLS_STARTED, harness.Happening.TIMER]))
        for opening in range(len(dialogues.OPENINGS[target])):
            lines = [harness.Feed(line) for line in dialogue.splitlines(keepends=True)]
            found.append(encoding.encoded(opening, [lines[0], harness.Happening.DELIVERY, *lines[1:]]))
    return found


def dictionary(target: str) -> str:
    """Words for libFuzzer to put in, in its own notation."""
    words = messages.WORDS if target == "message" else (*dialogues.VERBS[target], *dialogues.WORDS[target])
    return "".join(f'"{_escaped(word[:120])}"\n' for word in words if word)


def _escaped(octets: bytes) -> str:
    return "".join(f"\\x{octet:02x}" for octet in octets)


def fuzz(target: str, seconds: int, runs: int) -> int:
    """Run one target in a process of its own; returns that one's exit status."""
    corpus, found = FOLDER / "corpus" / target, FOLDER / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(seeds(target)):
        (corpus / f"seed-{number:02}").write_bytes(octets[:MAX_INPUT_OCTETS])
    words = FOLDER / f"{target}.dict"
    words.write_text(dictionary(target), encoding="ascii")
    log = FOLDER / f"{target}.log"
    with log.open("wb") as sink:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.guided_child", target, str(corpus)),
                *(f"-max_total_time={seconds}", f"-runs={runs}", f"-max_len={MAX_INPUT_OCTETS}"),
                *(f"-timeout={SECONDS_FOR_ONE}", "-rss_limit_mb=2048", "-print_final_stats=1", "-close_fd_mask=0"),
                *(f"-dict={words}", f"-artifact_prefix={found}/{target}-", "-reload=0"),
            ],
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=False,
        )
    said = log.read_text(encoding="utf-8", errors="replace")
    executed = re.findall(r"^#(\d+)", said, re.MULTILINE)
    coverage = re.findall(r" cov: (\d+) ", said)
    sys.stdout.write(
        f"{target:<11} {executed[-1] if executed else 0:>9} executions, {coverage[-1] if coverage else 0:>5} edges, "
        f"{'nothing found' if done.returncode == 0 else f'FOUND something: see {log}'}\n"
    )
    sys.stdout.flush()
    return done.returncode


def main() -> int:
    """The command. Exit status: 0 nothing found, 1 something found, 2 usage or no atheris."""
    parser = argparse.ArgumentParser(prog="tests.fuzz.guided", description="Fuzz the cores of the reference server.")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--runs", type=int, default=-1, help="executions of each target at most")
    parser.add_argument("--again", nargs=2, metavar=("TARGET", "FILE"), help="run one input and show what it does")
    given = parser.parse_args()
    if given.again:
        TARGETS[given.again[0]](Path(given.again[1]).read_bytes())
        return 0
    try:
        importlib.import_module("atheris")
    except ImportError:
        sys.stderr.write(f"atheris is not installed; there may be none for Python {sys.version.split()[0]}\n")
        return 2
    statuses = [fuzz(target, given.seconds, given.runs) for target in given.targets or TARGETS]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
