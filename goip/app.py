"""The composition root: the only file that knows everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from aiohttp import web

from goip.api import gateway, middleware
from goip.api.appkeys import (
    ADDRESS_LIMIT,
    BROKER,
    CLOCK,
    CONFIG,
    DEVICE_LIMIT,
    DOORS,
    FIRST_START,
    HISTORY,
    HUB,
    JOBS,
    KEYRING,
    LOGINS,
    PAGE,
    SOCKETIO,
    STORE,
    TOLD,
    WIRE,
    FirstStart,
)
from goip.api.callers import Gatekeeper
from goip.api.limits import RateLimit
from goip.api.page import Page
from goip.api.replaying import claimed
from goip.api.routes import add_routes
from goip.auth.keys import Keyring
from goip.auth.logins import Logins
from goip.clock import Clock, now_ms
from goip.config import Config
from goip.gateways.mqtt import LinkState
from goip.once import Once
from goip.realtime import emitters
from goip.realtime.doors import Doors
from goip.realtime.hearing import Hearing
from goip.realtime.hub import Hub
from goip.realtime.progress import Jobs
from goip.realtime.reaper import Reaper
from goip.realtime.replay import History
from goip.realtime.socketio import SOCKETIO_PATHS, SocketIoTransport, ToldByDevice
from goip.realtime.wiretap import tell_frame
from goip.store.store import Store
from goip.watch.presence import Presence
from goip.watch.upkeep import Upkeep
from goip.wirelog.log import WireLog

PAGE_FOLDER = Path(__file__).resolve().parent / "static"


def build_app(config: Config, *, clock: Clock = now_ms, page_folder: Path = PAGE_FOLDER) -> web.Application:
    """The server as an aiohttp application; it opens its store when it starts and closes it when it stops.

    Raises StartupError for a setting that cannot work; at start-up for a database that cannot be used.
    """
    around = [middleware.errors]
    if config.allowed_origins:
        around.insert(0, middleware.preflight)
    app = web.Application(middlewares=around, client_max_size=config.max_body_bytes)
    store = Store(config.database_url, queue_size=config.write_queue, clock=clock)
    app[CONFIG] = config
    app[CLOCK] = clock
    app[STORE] = store
    app[KEYRING] = Keyring(store, clock)
    app[LOGINS] = Logins(store, config, clock)
    app[HUB] = Hub(store.fleet)
    app[HISTORY] = History(store, config.replay_limit)
    app[JOBS] = Jobs(app[HUB], clock)
    app[WIRE] = WireLog(clock, claimed, partial(tell_frame, app[HUB]))
    app[TOLD] = Once()
    app[BROKER] = LinkState()
    app[FIRST_START] = FirstStart()
    app[DEVICE_LIMIT] = RateLimit(config.device_rate, "device")
    app[ADDRESS_LIMIT] = RateLimit(config.address_rate, "address")
    newcomers = RateLimit(config.connection_rate, "address")
    app[DOORS] = Doors(config.connections_per_address, config.connections_per_user, newcomers)
    app[PAGE] = Page(page_folder)
    app[SOCKETIO] = _socketio(app)
    app.on_response_prepare.append(middleware.add_headers)
    add_routes(app)
    for path in SOCKETIO_PATHS:
        app.router.add_route("*", path, app[SOCKETIO].handle)
        app.router.add_route("*", path + "/", app[SOCKETIO].handle)
    app.router.add_get("/{path:.*}", _page)
    app.cleanup_ctx.append(_running)
    app.on_shutdown.append(_hang_up)
    return app


def _socketio(app: web.Application) -> SocketIoTransport:
    told_by_devices = {
        "device:heartbeat": ToldByDevice(partial(gateway.socket_heartbeat, app), "heartbeat:ack"),
        "sms:sent": ToldByDevice(partial(gateway.socket_sms_sent, app), "sms:ack"),
        "sms:status": ToldByDevice(partial(gateway.socket_sms_status, app), "sms:ack"),
    }
    hearing = Hearing(app[WIRE].keeping, app[CLOCK])
    return SocketIoTransport(app[HUB], app[HISTORY], Gatekeeper(app), told_by_devices, app[JOBS], hearing)


async def _page(request: web.Request) -> web.StreamResponse:
    """Whatever has no route of its own; an address that has one for other methods only is no page."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        allowed |= (await resource.resolve(request))[1]
    allowed -= {"GET", "HEAD"}
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    return request.app[PAGE].answer(request)


async def _running(app: web.Application) -> AsyncIterator[None]:
    """The life of the server: opened in the order of the arrows, closed the other way round."""
    store, hub = app[STORE], app[HUB]
    await store.open()
    try:
        await app[KEYRING].open()
        await app[LOGINS].open()
        app[FIRST_START].admin_password = await app[LOGINS].ensure_admin(app[CONFIG].admin_password)
        app[FIRST_START].enrollment_key = await app[KEYRING].ensure_enrollment_key(app[CONFIG])
        store.subscribe(hub.publish)
        emitters.wire(store, app[SOCKETIO].server, hub)
        presence = Presence(store)
        await presence.start()
        upkeep = Upkeep(store, app[CONFIG])
        upkeep.start()
        reaper = Reaper(hub, app[CLOCK], (app[KEYRING].catch_up, app[LOGINS].catch_up))
        app[LOGINS].add_listener(reaper.end_session)
        app[KEYRING].add_listener(reaper.end_key)
        reaper.start()
        yield
        await reaper.stop()
        await upkeep.stop()
        await presence.stop()
        await app[KEYRING].close()
    finally:
        await store.close()


async def _hang_up(app: web.Application) -> None:
    """Let go of the clients that wait for news, before the server waits for its last requests: they have no end."""
    await app[JOBS].close()
    app[HUB].flush()
    await app[SOCKETIO].stop()
    app[HUB].close()
