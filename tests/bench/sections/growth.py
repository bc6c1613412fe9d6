"""Growth: does ingest slow down as the database fills up?

The same 2,000 devices against an empty history and against ten million samples; and 100,000 devices against
2,000. All three servers run side by side, each on a database of its own, and take turns.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from tests.bench.bench import Bench, scratch
from tests.bench.enrol import enrol
from tests.bench.history import fill_history
from tests.bench.report import median_ratio
from tests.bench.runs import Run, prepare_requests, take_turns
from tests.bench.servers import goip_server

SECTION = "growth"
BYTES_EACH = 1_500  # what a sample takes on disk while it is written, the write-ahead log included


def run(bench: Bench) -> None:
    """Build the three databases, then measure in turn."""
    plan = bench.plan
    with scratch(SECTION) as folder, ExitStack() as stack:
        old_keys = _build_old(bench, folder / "old")
        servers = {
            name: stack.enter_context(goip_server(folder / name, bench.cores, name))
            for name in ("empty", "old", "many")
        }
        keys = {
            "empty": enrol(servers["empty"], plan.n_devices),
            "old": old_keys,
            "many": enrol(servers["many"], plan.n_many_devices),
        }
        requests = {
            name: prepare_requests(server, keys[name], 1 if name == "many" else 4)
            for name, server in servers.items()
        }
        runs = take_turns(servers, requests, bench.cores, plan.seconds, plan.rounds)
    _report(bench, runs)


def _build_old(bench: Bench, folder: Path) -> list[str]:
    with goip_server(folder, bench.cores, "old") as server:
        keys = enrol(server, bench.plan.n_devices)
    free = shutil.disk_usage(folder).free
    if free < bench.plan.n_samples * BYTES_EACH:
        raise OSError(
            f"{bench.plan.n_samples:,} samples need more than the {free / 1e9:.0f} GB that are free here"
        )
    size = fill_history(folder / "goip.db", bench.plan.n_samples)
    bench.figure(SECTION, f"database with {bench.plan.n_samples:,} samples", size / 1e6, "MB")
    return keys


def _report(bench: Bench, runs: dict[str, list[Run]]) -> None:
    rates = {name: [each.rate for each in measured] for name, measured in runs.items()}
    samples = f"{bench.plan.n_samples:,} samples, of an empty database"
    aged = median_ratio(list(zip(rates["old"], rates["empty"], strict=True)))
    bench.figure(SECTION, f"ingest with {samples}", aged, "x", target=0.90, hoped=0.97)
    grown = median_ratio(list(zip(rates["many"], rates["empty"], strict=True)))
    bench.figure(
        SECTION,
        f"ingest with {bench.plan.n_many_devices:,} devices, of {bench.plan.n_devices:,}",
        grown,
        "x",
        target=0.60,
        hoped=0.90,
    )
