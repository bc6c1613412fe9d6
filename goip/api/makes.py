"""`GET /api/makes`: the gateways that goip understands, and what to enter into each to make it report here."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from aiohttp import web

from goip.api.appkeys import CONFIG
from goip.api.bodies import answer
from goip.api.callers import is_proxied, public_url
from goip.config import Config
from goip.gateways import mqtt
from goip.gateways.dbl import listener as dbl
from goip.gateways.dinstar import door as dinstar
from goip.gateways.registry import HTTP_MAKES
from goip.gateways.yeastar import keeping as yeastar
from goip.wire import Json

KEY_PLACE = "{key}"
"""Where the key belongs in an address."""

_OWN_FORMAT = "http"
"""The make of devices that speak goip's own format."""


async def list_makes(request: web.Request) -> web.Response:
    """`GET /api/makes`: every make, with its address as the caller would have to type it."""
    config = request.app[CONFIG]
    url = public_url(request)
    own = _make(_OWN_FORMAT, "HTTP device or script", "http", address=f"{url}/api/device/heartbeat")
    return answer(
        {
            "url": url,
            "isLocalOnly": _is_loopback(config.host),
            "isProxied": is_proxied(request),
            "makes": [own, *_with_sockets(config), *_pushing(url)],
        }
    )


def _with_sockets(config: Config) -> list[Json]:
    """The makes that do not speak HTTP."""
    boxes = _make(
        dbl.MAKE, "GoIP boxes (DBL, HYBERTONE)", "udp", port=config.udp_port, allowed=config.udp_allow
    )
    older = _make(
        "dinstar-tcp", "Dinstar DWG, older firmware", "tcp", port=config.dinstar_port, make=dinstar.MAKE
    )
    return [boxes, older, _make(yeastar.MAKE, "Yeastar TG (NeoGate TG)", "dial"), _broker(config)]


def _broker(config: Config) -> Json:
    address = None if config.mqtt is None else config.mqtt.public_address
    return _make(mqtt.MAKE, "MQTT, by a broker", "dial", address=address)


def _pushing(url: str) -> list[Json]:
    return [
        _make(make.name, make.title, "http", address=f"{url}/in/{make.name}/{KEY_PLACE}")
        for make in HTTP_MAKES.values()
    ]


def _make(
    name: str,
    title: str,
    transport: str,
    *,
    make: str | None = None,
    address: str | None = None,
    port: int = 0,
    allowed: Sequence[str] = (),
) -> Json:
    return {
        "name": name,
        "make": make or name,
        "title": title,
        "transport": transport,
        "address": address,
        "port": port or None,
        "allowed": list(allowed),
    }


def _is_loopback(host: str) -> bool:
    """True for an address on which nobody but this machine is heard."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
