"""`make fuzz`: every decoder, guided by coverage; or one input again, as it was found."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.guided.running import ROOT, n_cores, run_all
from tests.guided.targets import DECODERS

HOME = ROOT / ".fuzz"


def main() -> int:
    asked = _asked()
    if asked.input is not None:
        DECODERS[asked.decoder](asked.input.read_bytes())
        print(f"{asked.decoder}: nothing is wrong with this input")
        return 0
    decoders = [asked.decoder] if asked.decoder else list(DECODERS)
    outcomes = run_all(asked.home, decoders, asked.seconds, asked.at_once, _hush if asked.quiet else _say)
    print("\n".join(["", *(outcome.line() for outcome in outcomes)]))
    troubles = [outcome for outcome in outcomes if outcome.trouble is not None]
    for outcome in troubles:
        print(f"\n!!! {outcome.decoder}\n{outcome.trouble}")
    return 1 if troubles else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.guided", description=__doc__)
    parser.add_argument("--decoder", choices=[*DECODERS, ""], default="", help="this one only")
    parser.add_argument("--input", type=Path, help="decode what is in this file, and nothing else")
    parser.add_argument("--seconds", type=float, default=600.0, help="for each")
    parser.add_argument("--at-once", type=int, default=n_cores())
    parser.add_argument("--quiet", action="store_true", help="tell what came of it, not how far it is")
    parser.add_argument("--home", type=Path, default=HOME, help="where inputs are kept")
    asked = parser.parse_args()
    if asked.input is not None and not asked.decoder:
        parser.error("an input is of one decoder: say which")
    return asked


def _say(line: str) -> None:
    print(line, flush=True)


def _hush(_line: str) -> None:
    pass


if __name__ == "__main__":
    sys.exit(main())
