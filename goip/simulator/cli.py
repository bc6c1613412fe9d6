"""`goip simulate`: a fleet of devices against a server, with a progress display and a report."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from goip.addresses import broker_address
from goip.simulator.boxes import BoxOptions, BoxTally, emulate, show
from goip.simulator.boxes.options import ASKED_MAKES, BOX_MAKES, KEYLESS_MAKES
from goip.simulator.makes import GOIP, MIXED, PHONE
from goip.simulator.options import SimulationOptions, SimulationReport
from goip.simulator.runner import simulate
from goip.simulator.tally import Tally

Counts = TypeVar("Counts", Tally, BoxTally)
Result = TypeVar("Result")

NATIVE_MAKES: Final = (MIXED, GOIP.name, PHONE.name)
"""Fleets that speak goip's own HTTP format; every other make speaks its own protocol."""

_FLEET_SIZE = 20
_NATIVE_ONLY: Final = frozenset({"ports", "rate", "concurrency", "keys_path"})
_BOX_ONLY: Final = frozenset(
    {
        "lines",
        "udp_port",
        "tcp_port",
        "broker",
        "loss",
        "repeat",
        "reorder",
        "reboot_every",
        "repeats",
        "numbered",
        "listen_port",
    }
)
_KNOWN_DEVICES = (
    "The server refused {n} requests. If it knows these devices from an earlier run, "
    "take another --seed, or keep their keys with --keys-file."
)
_CHANCE = click.FloatRange(0, 1)


@click.command("simulate")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Address of the server.")
@click.option("--key", envvar="GOIP_ENROLLMENT_KEY", help="Enrolment key; mqtt needs none.")
@click.option(
    "--make",
    default=MIXED,
    show_default=True,
    type=click.Choice((*NATIVE_MAKES, *BOX_MAKES)),
    help=f"Kind of device: {', '.join(NATIVE_MAKES)} speak goip's own format, the others their real protocol.",
)
@click.option(
    "--devices",
    type=click.IntRange(1, 1_000_000),
    help=f"How many [default: {_FLEET_SIZE}; of a real protocol 1].",
)
@click.option("--lines", type=click.IntRange(1, 64), help="Real protocol: lines or SIM cards of each device.")
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
    "--pace",
    default=1.0,
    show_default=True,
    help="How much faster than the clock batteries drain, calls end and boxes repeat.",
)
@click.option("--udp-port", default=44444, show_default=True, help="dbl: the server's UDP port.")
@click.option("--tcp-port", default=12000, show_default=True, help="dinstar-tcp: the server's TCP port.")
@click.option(
    "--listen",
    "listen_port",
    type=click.IntRange(0, 65_535),
    metavar="PORT",
    help=f"{', '.join(sorted(ASKED_MAKES))}: a port of this machine where the first box can be asked.",
)
@click.option("--broker", help="mqtt: `mqtt://USER:PASSWORD@HOST/PREFIX`, as the server's GOIP_MQTT.")
@click.option(
    "--loss", default=0.0, type=_CHANCE, help="Real protocol: this part of packets, each way, gets lost."
)
@click.option("--repeat", default=0.0, type=_CHANCE, help="Real protocol: this part comes twice.")
@click.option("--reorder", default=0.0, type=_CHANCE, help="Real protocol: this part is overtaken by others.")
@click.option("--reboot-every", type=float, help="Real protocol: seconds that a device is up, on average.")
@click.option("--repeats", type=int, help="Real protocol: tries after the first [default: as the make does].")
@click.option("--numbered", is_flag=True, help="Real protocol: end each text with a number of its own.")
@click.option("--concurrency", default=64, show_default=True, type=click.IntRange(1, 10_000))
@click.option(
    "--keys-file",
    "keys_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the devices' keys here, so that the same fleet can come again.",
)
@click.option("--allow-remote", is_flag=True, help="Allow a server that is not on this machine.")
@click.pass_context
def simulate_command(context: click.Context, /, make: str, seed: int | None, **settings: Any) -> None:
    """Let a fleet of devices live: heartbeats, SMS, drops, reboots, over the real interfaces.

    With --make mixed, goip or phone they speak goip's own format over HTTP. All others speak their make's own
    protocol, repeat as it does, and can be told to lose, repeat and reorder packets and to restart.
    """
    settings["seed"] = SystemRandom().randrange(100_000) if seed is None else seed
    chosen = _settings_for(context, make, settings)
    console = Console(stderr=True)
    try:
        if make in BOX_MAKES:
            broker = broker_address(chosen.pop("broker") or "")
            n_acknowledged = _emulate(console, BoxOptions(make=make, broker=broker, **chosen))
        else:
            key = chosen.pop("key")
            n_acknowledged = _simulate(console, SimulationOptions(make=make, enrollment_key=key, **chosen))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if n_acknowledged == 0:
        raise click.exceptions.Exit(1)


def _settings_for(context: click.Context, make: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Those that fleets of this make have; one that was given and that they do not have is an error."""
    is_box = make in BOX_MAKES
    foreign = _NATIVE_ONLY if is_box else _BOX_ONLY
    for parameter in context.command.params:
        is_given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if is_given and parameter.name in foreign:
            raise click.UsageError(f"{parameter.opts[0]} is not for --make {make}")
    if settings["key"] is None:
        if make not in KEYLESS_MAKES:
            raise click.UsageError("--key is needed, or GOIP_ENROLLMENT_KEY")
        settings["key"] = ""
    if settings["devices"] is None:
        settings["devices"] = 1 if is_box else _FLEET_SIZE
    return {name: value for name, value in settings.items() if name not in foreign}


def _simulate(console: Console, options: SimulationOptions) -> int:
    """Run a fleet that speaks the native format; returns how many heartbeats were acknowledged."""
    headline = (
        f"[bold]{options.devices}[/] devices → {options.url}, a heartbeat each "
        f"[bold]{options.beat_seconds:g}[/] s, seed [bold]{options.seed}[/]"
    )

    def run(show: Callable[[Tally], None], stop: asyncio.Event) -> Awaitable[SimulationReport]:
        return simulate(options, on_progress=show, stop=stop)

    report = asyncio.run(_run(console, headline, options.duration_seconds, describe_progress, run))
    _print_rows(console, _rows(report))
    if report.n_refused:
        console.print(f"[yellow]{_KNOWN_DEVICES.format(n=report.n_refused)}[/]")
    return report.n_heartbeats


def _emulate(console: Console, options: BoxOptions) -> int:
    """Run a fleet that speaks its make's protocol; returns how much of its news was acknowledged."""
    headline = (
        f"[bold]{options.devices}[/] {options.make} of [bold]{options.lines_each}[/] lines → {options.target}, "
        f"a heartbeat each [bold]{options.interval_seconds:g}[/] s, seed [bold]{options.seed}[/]"
    )

    def run(show: Callable[[BoxTally], None], stop: asyncio.Event) -> Awaitable[BoxTally]:
        return emulate(options, on_progress=show, stop=stop)

    tally = asyncio.run(_run(console, headline, options.duration_seconds, show.describe_progress, run))
    _print_rows(console, show.rows_of(tally))
    return tally.n_acknowledged


async def _run(
    console: Console,
    headline: str,
    seconds: float | None,
    describe: Callable[[Counts], str],
    run: Callable[[Callable[[Counts], None], asyncio.Event], Awaitable[Result]],
) -> Result:
    """Run a fleet with a live display; the first Ctrl-C ends it in order, the second at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    with suppress(NotImplementedError):  # Windows: Ctrl-C ends without a report there
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end, number)
    console.print(headline)
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=28),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=seconds)

        def show_counts(counts: Counts) -> None:
            progress.update(task, completed=counts.seconds, description=describe(counts))

        return await run(show_counts, stop)


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


def _print_rows(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    """The end of it, as a table."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    for label, value in rows:
        table.add_row(label, value)
    console.print(table)


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
