"""One fuzzer, in a process of its own: `python -m tests.guided.fuzzer DECODER SECONDS OPTION-OF-LIBFUZZER…`

A decoder is one of `targets`, or `module:function`. The seconds are those of the clock; beside other work it runs with
what that leaves, and goes on until it had a sixth of them to itself. It says `RAN executions seconds` now and then,
beside what libFuzzer says, and ends with 77 when a decoder broke its promise.
"""

from __future__ import annotations

import contextlib
import math
import os
import pkgutil
import resource
import signal
import sys
import time
from pathlib import Path

import atheris

from tests.guided import folder_of

NAME = sys.argv[1]
_ROOT = Path(__file__).resolve().parent.parent.parent
_SHARED = [
    "goip.gateways.forms",
    "goip.gateways.gsm",
    "goip.gateways.phones",
    "goip.gateways.signatures",
    "goip.fields",
    "goip.validation",
    "goip.clock",
]


def of_no_interest() -> list[str]:
    """The modules that are not the decoder's: to prepare them all takes longer than all the rest of a start."""
    watched = (f"goip.gateways.{folder_of(NAME)}", *_SHARED, NAME.partition(":")[0])
    paths = [
        path.relative_to(_ROOT) for folder in ("goip", "tests") for path in (_ROOT / folder).rglob("*.py")
    ]
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return [name for name in names if not name.startswith(watched)]


with atheris.instrument_imports(include=["goip", "tests"], exclude=of_no_interest()):
    from tests.guided.targets import DECODERS, Target

    DECODE: Target = pkgutil.resolve_name(NAME) if ":" in NAME else DECODERS[NAME]

_SAYS_EVERY_SECONDS = 1.0
_LEAST_SHARE = 1 / 6
_LONGEST_SECONDS = 2.0
"""For one input, guided fuzzing being several times slower than the decoder is; what takes longer does not end."""


class Run:
    """Counts what a decoder is given, and ends the fuzzing when its time is over."""

    def __init__(self, decode: Target, seconds: float) -> None:
        self._decode = decode
        self._began = time.monotonic()
        self._began_to_work = time.process_time()
        self._seconds = seconds
        self._says_next = 0.0
        self._n = 0

    def __call__(self, data: bytes) -> None:
        self._n += 1
        began = time.process_time()
        try:
            self._decode(data)
        except BaseException:
            self._say(time.monotonic() - self._began, is_over=True)
            raise
        ended = time.process_time()
        if ended - began > _LONGEST_SECONDS:
            raise AssertionError(f"{ended - began:.1f} s of processor time for {len(data)} bytes")
        seconds = time.monotonic() - self._began
        had = ended - self._began_to_work
        is_over = seconds >= self._seconds and had >= self._seconds * _LEAST_SHARE
        self._say(seconds, is_over=is_over)
        if is_over:
            self._seconds = math.inf
            os.kill(os.getpid(), signal.SIGUSR1)  # libFuzzer then ends in order

    def _say(self, seconds: float, *, is_over: bool) -> None:
        if seconds < self._says_next and not is_over:
            return
        self._says_next = seconds + _SAYS_EVERY_SECONDS
        print(f"RAN {self._n} {seconds:.2f}", flush=True)


def be_humble() -> None:
    """Run only when nobody else wants to: the tests that measure time are not to notice."""
    os.nice(19)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main() -> None:
    seconds, *options = sys.argv[2:]
    be_humble()
    spent = round(time.process_time() + float(seconds)) + 60
    resource.setrlimit(resource.RLIMIT_CPU, (spent, spent))  # nobody may be left to end it
    atheris.Setup([sys.argv[0], *options], Run(DECODE, float(seconds)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
