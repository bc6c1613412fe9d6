"""`goip simulate`: a fleet of devices against a server, with a progress display and a report."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from goip.simulator.makes import MAKE_CHOICES, MIXED
from goip.simulator.options import SimulationOptions, SimulationReport
from goip.simulator.runner import simulate
from goip.simulator.tally import Tally

_KNOWN_DEVICES = (
    "The server refused {n} requests. If it knows these devices from an earlier run, "
    "take another --seed, or keep their keys with --keys-file."
)


@click.command("simulate")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Address of the server.")
@click.option("--key", "enrollment_key", envvar="GOIP_ENROLLMENT_KEY", required=True, help="Enrolment key.")
@click.option("--devices", default=20, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option(
    "--make", default=MIXED, show_default=True, type=click.Choice(MAKE_CHOICES), help="Kind of device."
)
@click.option(
    "--ports", type=click.IntRange(1, 32), help="SIM slots of each device [default: as the model has]."
)
@click.option(
    "--interval", "interval_seconds", default=30.0, show_default=True, help="Seconds between heartbeats."
)
@click.option("--rate", type=float, help="Heartbeats a second of the whole fleet, instead of --interval.")
@click.option("--sms-per-minute", default=30.0, show_default=True, help="Messages of the whole fleet.")
@click.option("--duration", "duration_seconds", type=float, help="Seconds; without it, until Ctrl-C.")
@click.option("--seed", type=int, help="The same seed gives the same lives [default: a random one].")
@click.option(
    "--pace", default=1.0, show_default=True, help="How much faster than the clock batteries drain."
)
@click.option("--concurrency", default=64, show_default=True, type=click.IntRange(1, 10_000))
@click.option(
    "--keys-file",
    "keys_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the devices' keys here, so that the same fleet can come again.",
)
@click.option("--allow-remote", is_flag=True, help="Allow a server that is not on this machine.")
def simulate_command(seed: int | None, **settings: Any) -> None:
    """Let a fleet of devices live: heartbeats, SMS, drops, reboots, over the real HTTP interface."""
    try:
        options = SimulationOptions(
            seed=SystemRandom().randrange(100_000) if seed is None else seed, **settings
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    console = Console(stderr=True)
    console.print(
        f"[bold]{options.devices}[/] devices → {options.url}, a heartbeat each "
        f"[bold]{options.beat_seconds:g}[/] s, seed [bold]{options.seed}[/]"
    )
    try:
        report = asyncio.run(_run(options, console))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    print_report(console, report)
    if report.n_heartbeats == 0:
        raise click.exceptions.Exit(1)


async def _run(options: SimulationOptions, console: Console) -> SimulationReport:
    """Simulate with a live display; the first Ctrl-C ends it in order."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows: Ctrl-C ends without a report there
        loop.add_signal_handler(signal.SIGINT, stop.set)
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=28),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=options.duration_seconds)

        def show(tally: Tally) -> None:
            progress.update(task, completed=tally.seconds, description=describe_progress(tally))

        return await simulate(options, on_progress=show, stop=stop)


def describe_progress(tally: Tally) -> str:
    """The counts in one line; what went wrong is told only once something did."""
    parts = [f"[green]{tally.n_heartbeats:,}[/] beats", f"[cyan]{tally.n_sms:,}[/] SMS"]
    if tally.seconds > 0:
        parts.append(f"{(tally.n_heartbeats + tally.n_sms) / tally.seconds:,.0f}/s")
    parts.append(f"p99 {tally.latencies.percentile_ms(99):.1f} ms")
    if tally.n_retries:
        parts.append(f"[yellow]{tally.n_retries:,} retried[/]")
    lost = tally.n_failed + tally.n_refused
    if lost:
        parts.append(f"[red]{lost:,} failed[/] ({tally.last_error[:60]})")
    return " · ".join(parts)


def print_report(console: Console, report: SimulationReport) -> None:
    """The end of it, as a table."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    for label, value in _rows(report):
        table.add_row(label, value)
    console.print(table)
    if report.n_refused:
        console.print(f"[yellow]{_KNOWN_DEVICES.format(n=report.n_refused)}[/]")


def _rows(report: SimulationReport) -> list[tuple[str, str]]:
    return [
        ("time", f"{report.seconds:.1f} s, {report.requests_per_second:,.1f} acknowledged a second"),
        ("devices", f"{report.n_devices:,}, of them newly enrolled {report.n_enrolled:,}"),
        ("heartbeats", f"{report.n_heartbeats:,}"),
        (
            "SMS",
            f"{report.n_sms:,}, sent twice {report.n_repeats:,}, known as repeats {report.n_duplicates:,}",
        ),
        ("retried", f"{report.n_retries:,}"),
        (
            "failed",
            f"{report.n_failed:,}, refused {report.n_refused:,}, SMS open {report.n_unacknowledged:,}",
        ),
        ("latency", f"p50 {report.p50_ms:.2f} ms, p99 {report.p99_ms:.2f} ms"),
    ]
