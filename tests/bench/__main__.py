"""`python -m tests.bench [SECTION ...]`: measure goip beside its peers, on this machine, now.

Absolute numbers say more about the machine than about goip; the ratios are of runs side by side.
Everything runs on 127.0.0.1, in `build/bench`, and ends by itself; results are in `build/bench.json`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from tests.bench.bench import Bench, Plan
from tests.bench.machine import describe_machine, share_cores
from tests.bench.report import Report
from tests.bench.sections import boxes, fanout, growth, idle, ingest, memory, rooms

SECTIONS: dict[str, Callable[[Bench], None]] = {
    "ingest": ingest.run,
    "fanout": fanout.run,
    "rooms": rooms.run,
    "idle": idle.run,
    "boxes": boxes.run,
    "memory": memory.run,
    "growth": growth.run,
}
QUICK = Plan(seconds=2.0, rounds=1, n_many_devices=10_000, n_memory_devices=2_000, n_samples=500_000)


def main() -> int:
    """Run the sections, print the table; 1 when a target was missed and `--strict` was asked for."""
    options = _parse()
    cores = share_cores(options.pin)
    report = Report(describe_machine() | {"pinning": str(cores)})
    plan = QUICK if options.quick else Plan(options.seconds, options.rounds, n_samples=options.samples)
    bench = Bench(plan, cores, report)
    for name in options.sections or SECTIONS:
        print(f"\n{name}", flush=True)
        began = time.monotonic()
        SECTIONS[name](bench)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
        report.save()
    print()
    report.print()
    return 1 if options.strict and report.n_missed else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="default: all")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measured run")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of alternating runs")
    parser.add_argument(
        "--quick", action="store_true", help="short runs and small databases: does it work at all"
    )
    parser.add_argument("--samples", type=int, default=10_000_000, help="in the old database; 600 bytes each")
    parser.add_argument(
        "--pin", choices=("load", "both", "none"), default="load", help="what is kept to cores of its own"
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
