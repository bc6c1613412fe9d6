"""The fuzzers of several decoders, a few at a time, each for so many seconds; what they found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.guided.samples import samples_of, words_of

ROOT = Path(__file__).resolve().parent.parent.parent

_LONGEST_INPUT = 4_096
_MOST_MEMORY_MB = 1_024
_REACHED = re.compile(r"#\d+\s+.*\bcov: (\d+)")
_RAN = re.compile(r"RAN (\d+) ([0-9.]+)")
_WRITTEN = re.compile(r".*Test unit written to (.+)")
_KEPT_LINES = 60
_LIBFUZZER = re.compile(r"==\d+==|INFO: |WARNING: |#\d+\s|artifact_prefix|SUMMARY|MS: |Base64:|stat::|0x")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fuzzer did in `seconds`; `n_reached` counts places in the code.

    `trouble` is the defect that it found, with the input, None where it found none.
    """

    decoder: str
    n_executions: int
    n_reached: int
    seconds: float
    trouble: str | None

    def line(self) -> str:
        """One line for people."""
        word = "ok" if self.trouble is None else "BROKEN"
        return (
            f"{self.decoder:17} {self.n_executions:>11,} executions {self.n_reached:>6,} places reached "
            f"{self.seconds:>6.0f} s  {word}"
        )


def outcome_of(home: Path, decoder: str) -> Outcome:
    """What became of a decoder's fuzzer, which has ended."""
    return Outcome(**json.loads((home / decoder / "outcome.json").read_text()))


def run_all(home: Path, decoders: Iterable[str], seconds: float, n_at_once: int, say: Say) -> list[Outcome]:
    """Fuzz each of them. What they learn stays in `home`, and the next run begins with it."""
    with ThreadPoolExecutor(n_at_once) as pool:
        return list(pool.map(lambda decoder: run_one(home, decoder, seconds, say), decoders))


def run_one(home: Path, decoder: str, seconds: float, say: Say, target: str | None = None) -> Outcome:
    """Fuzz a decoder; `target` names another function for it, as `module:function`."""
    place = home / decoder
    command = [sys.executable, "-m", "tests.guided.fuzzer", target or decoder, str(seconds)]
    with subprocess.Popen(
        [*command, *_options(place, decoder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            outcome = _watched(process, decoder, seconds, say)
        except BaseException:
            process.kill()
            raise
    (place / "outcome.json").write_text(json.dumps(asdict(outcome)))
    say(outcome.line())
    return outcome


def _options(place: Path, decoder: str) -> list[str]:
    learned, samples, words = place / "learned", place / "samples", place / "words"
    for folder in (learned, samples):
        folder.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(samples_of(decoder)):
        (samples / f"{number:04}").write_bytes(sample)
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in words_of(decoder)))
    return [
        f"-max_len={_LONGEST_INPUT}",
        f"-rss_limit_mb={_MOST_MEMORY_MB}",
        f"-dict={words}",
        f"-artifact_prefix={place}/",
        "-timeout=600",
        "-verbosity=1",
        str(learned),
        str(samples),
    ]


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _watched(process: subprocess.Popen[str], decoder: str, seconds: float, say: Say) -> Outcome:
    """What it does until it ends; it is told of every ten seconds."""
    n_executions, n_reached, spent, say_next = 0, 0, 0.0, time.monotonic() + 10
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    found: Path | None = None
    assert process.stdout is not None
    for line in process.stdout:
        if (ran := _RAN.match(line)) is not None:
            n_executions, spent = int(ran[1]), float(ran[2])
        elif (reached := _REACHED.match(line)) is not None:
            n_reached = int(reached[1])
        elif (written := _WRITTEN.match(line)) is not None:
            found = Path(written[1])
        elif not _LIBFUZZER.match(line):
            last.append(line)
        if time.monotonic() >= say_next:
            say_next = time.monotonic() + 10
            left = max(0.0, seconds - spent)
            say(
                f"{decoder:17} {n_executions:>11,} executions {n_reached:>6,} places reached, {left:.0f} s left"
            )
    trouble = None if process.wait() == 0 else _trouble(found, decoder, "".join(last).strip())
    return Outcome(decoder, n_executions, n_reached, spent, trouble)


def _trouble(found: Path | None, decoder: str, said: str) -> str:
    """What it said, and the input that it fell over, as a test can have it."""
    if found is None:
        return f"the fuzzer of {decoder} ended without an input:\n{said}"
    path = found.relative_to(ROOT) if found.is_relative_to(ROOT) else found
    again = f"make fuzz DECODER={decoder} INPUT={path}"
    return f"{said}\n\nthe input, for a test:\n{found.read_bytes()!r}\n\nagain: {again}"


def n_cores() -> int:
    """How many fuzzers run at once."""
    return os.cpu_count() or 1
