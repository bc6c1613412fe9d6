"""What handlers find in the application, by typed keys; `app` puts it there."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from goip.api.limits import RateLimit
from goip.api.page import Page
from goip.auth.keys import Keyring
from goip.auth.logins import Logins
from goip.auth.principals import Principal
from goip.clock import Clock
from goip.config import Config
from goip.gateways.mqtt import LinkState
from goip.once import Once
from goip.realtime.doors import Doors
from goip.realtime.hub import Hub
from goip.realtime.progress import Jobs
from goip.realtime.replay import History
from goip.realtime.socketio import SocketIoTransport
from goip.store.store import Store
from goip.wirelog.log import WireLog


@dataclass(slots=True)
class FirstStart:
    """What was made up at this start and is to be shown once; None where nothing was."""

    admin_password: str | None = None
    enrollment_key: str | None = None


CONFIG = web.AppKey("config", Config)
CLOCK: web.AppKey[Clock] = web.AppKey("clock")
STORE = web.AppKey("store", Store)
KEYRING = web.AppKey("keyring", Keyring)
LOGINS = web.AppKey("logins", Logins)
HUB = web.AppKey("hub", Hub)
DOORS = web.AppKey("doors", Doors)
HISTORY = web.AppKey("history", History)
JOBS = web.AppKey("jobs", Jobs)
WIRE = web.AppKey("wire", WireLog)
TOLD = web.AppKey("told", Once)
BROKER = web.AppKey("broker", LinkState)
SOCKETIO = web.AppKey("socketio", SocketIoTransport)
PAGE = web.AppKey("page", Page)
DEVICE_LIMIT = web.AppKey("device_limit", RateLimit)
ADDRESS_LIMIT = web.AppKey("address_limit", RateLimit)
FIRST_START = web.AppKey("first_start", FirstStart)

PRINCIPAL = web.RequestKey("principal", Principal)
