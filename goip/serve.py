"""Running the server in a terminal: what it says at a start, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from rich.console import Console
from rich.panel import Panel

from goip.api.appkeys import ADDRESS_LIMIT, BROKER, FIRST_START, KEYRING, STORE, WIRE
from goip.api.floods import turn_away
from goip.api.gateway import quick_heartbeats
from goip.api.quick import QuickRunner
from goip.api.server import first_heartbeat
from goip.app import PAGE_FOLDER, build_app
from goip.config import Config
from goip.errors import StartupError
from goip.gateways.asking import Client, looking
from goip.gateways.dbl.listener import DblListener
from goip.gateways.dinstar.client import DinstarClient
from goip.gateways.dinstar.door import Door
from goip.gateways.dinstar.listener import DinstarListener
from goip.gateways.ejoin.client import EjoinClient
from goip.gateways.mqtt import need_library
from goip.gateways.mqtt.recording import Recorder
from goip.gateways.yeastar.client import dialling

log = structlog.get_logger(__name__)

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SHUTDOWN_SECONDS = 5.0
_IDLE_SECONDS = 75.0


def configure_logs(config: Config) -> None:
    """Structured lines to standard error, for people or for collectors."""
    level = _LEVELS[config.log_level]
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, format="%(message)s")
    for name in ("aiohttp.server", "engineio.server"):
        logging.getLogger(name).addFilter(NonsenseInOneLine())
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if config.log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class NonsenseInOneLine(logging.Filter):
    """Lets through no trace of requests and packets that were malformed: anybody can send those, by the thousand."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for such a record, which becomes a line of ours."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError) and record.getMessage() not in _OF_PACKETS:
            return True
        log.info("request.malformed", error=repr(error)[:200])
        return False


_OF_PACKETS = ("post request handler error", "Unknown receive error")
"""What engine.io says of packets that it cannot read."""


def run(config: Config) -> None:
    """Serve until a signal ends it. Raises StartupError when it cannot begin."""
    configure_logs(config)
    if sys.platform == "win32":
        asyncio.run(serve(config))
        return
    import uvloop

    uvloop.run(serve(config))


async def serve(config: Config) -> None:
    """Open, listen, say where, and close in order when asked to."""
    app = build_app(config)
    runner = QuickRunner(
        app,
        quick_heartbeats(app),
        turn_away(app),
        access_log=None,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        handler_cancellation=True,
        keepalive_timeout=_IDLE_SECONDS,  # also for a client that never finishes its headers
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, config.host, config.port, backlog=1024)
        _calm_collector()
        dialled = dialling(app[STORE], config.yeastar, keeping=app[WIRE].keeping)
        asked = looking([*_asked_boxes(app, config)])
        async with _boxes(app, config), _dinstar_boxes(app, config), dialled, asked, _broker(app, config):
            await _listen(site, config)  # last: who is answered here finds every other door open
            _welcome(app, config, runner.addresses[0][1])
            await _until_signal()
    finally:
        await runner.cleanup()


def _calm_collector() -> None:
    """Look at what was loaded no more, at what is new in portions of some milliseconds, and seldom at everything.

    A collection holds the loop up for more than a microsecond an object. Next to nothing here ends as a cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(3_000, 3, 50)


async def _listen(site: web.TCPSite, config: Config) -> None:
    try:
        await site.start()
    except OSError as error:
        where = f"{config.host}:{config.port}"
        if error.errno == errno.EADDRINUSE:
            raise StartupError(
                f"Port {config.port} is taken: set GOIP_PORT, or stop what listens on {where}."
            ) from error
        raise StartupError(f"Cannot listen on {where}: {error.strerror or error}") from error


@contextmanager
def _naming(setting: str, where: str) -> Iterator[None]:
    """Say which setting names the port that cannot be had."""
    try:
        yield
    except OSError as error:
        raise StartupError(
            f"Cannot listen on {where}: {error.strerror or error}. Set {setting}, or 0 for none."
        ) from error


@asynccontextmanager
async def _boxes(app: web.Application, config: Config) -> AsyncIterator[None]:
    """Listen to GoIP boxes, until what they sent last is answered."""
    if not config.udp_port:
        yield
        return
    listener = DblListener(
        app[STORE],
        app[KEYRING],
        app[ADDRESS_LIMIT].allows,
        needs_approval=config.enrollment == "approve",
        networks=config.udp_allow,
        keeping=app[WIRE].keeping,
    )
    await listener.resume()
    with _naming("GOIP_UDP_PORT", f"UDP {config.host}:{config.udp_port}"):
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: listener, local_addr=(config.host, config.udp_port)
        )
    try:
        yield
    finally:
        await listener.close()


@asynccontextmanager
async def _dinstar_boxes(app: web.Application, config: Config) -> AsyncIterator[None]:
    """Listen to older Dinstar boxes, until what they sent last is answered."""
    if not config.dinstar_port:
        yield
        return
    needs_approval = config.enrollment == "approve"
    door = Door(app[STORE], app[KEYRING], config.dinstar_allow, needs_approval=needs_approval)
    listener = DinstarListener(
        door,
        app[ADDRESS_LIMIT].allows,
        connections_per_address=config.connections_per_address,
        keeping=app[WIRE].keeping,
    )
    with _naming("GOIP_DINSTAR_PORT", f"TCP {config.host}:{config.dinstar_port}"):
        await listener.open(config.host, config.dinstar_port)
    try:
        yield
    finally:
        await listener.close()


def _asked_boxes(app: web.Application, config: Config) -> Iterator[Client]:
    """Who asks the boxes that have an HTTP API of their own."""
    store, keeping = app[STORE], app[WIRE].keeping
    yield from (DinstarClient(box, store, keeping=keeping) for box in config.dinstar)
    yield from (EjoinClient(box, store, keeping=keeping) for box in config.ejoin)


@asynccontextmanager
async def _broker(app: web.Application, config: Config) -> AsyncIterator[None]:
    """Hear the MQTT broker, until what it told last is stored."""
    if config.mqtt is None:
        yield
        return
    need_library()
    from goip.gateways.mqtt.client import Limits, MqttClient

    needs_approval = config.enrollment == "approve"
    is_turned_away = app[KEYRING].rejections.__contains__
    client = MqttClient(
        config.mqtt,
        app[STORE],
        recorder=Recorder(app[STORE], needs_approval=needs_approval, is_turned_away=is_turned_away),
        limits=Limits(most_bytes=config.max_body_bytes),
        state=app[BROKER],
        keeping=app[WIRE].keeping,
    )
    async with client:
        yield


async def _until_signal() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _welcome(app: web.Application, config: Config, port: int) -> None:
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host  # noqa: S104
    url = config.public_url or f"http://{host}:{port}"
    console = Console(stderr=False, highlight=False, soft_wrap=True)
    console.print(f"[bold]goip[/bold] listens on [bold]{url}[/bold]")
    first = app[FIRST_START]
    if first.admin_password is not None:
        console.print(
            f"Log in as [bold]admin[/bold] with password [bold]{first.admin_password}[/bold]", markup=True
        )
    if first.enrollment_key is not None:
        console.print(f"Enrolment key: [bold]{first.enrollment_key}[/bold]")
    if first.admin_password is not None or first.enrollment_key is not None:
        console.print(Panel("Passwords and keys are shown once: keep them now.", expand=False))
    key = first.enrollment_key or config.enrollment_key
    if key:
        console.print("A first heartbeat, to paste into another terminal:\n")
        console.print(first_heartbeat(url, key), markup=False)
        console.print()
    if not PAGE_FOLDER.is_dir():
        console.print("[yellow]The page is not built: run make install. The API works without it.[/yellow]")
