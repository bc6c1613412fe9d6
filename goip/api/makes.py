"""`GET /api/makes`: the gateways that goip understands, and what to enter into each to make it report here."""

from __future__ import annotations

import ipaddress

from aiohttp import web

from goip.api.appkeys import CONFIG
from goip.api.bodies import answer
from goip.api.callers import is_proxied, public_url
from goip.gateways.dbl import listener as dbl
from goip.gateways.registry import HTTP_MAKES
from goip.wire import Json

KEY_PLACE = "{key}"
"""Where the key belongs in an address."""

_OWN_FORMAT = "http"
"""The make of devices that speak goip's own format."""


async def list_makes(request: web.Request) -> web.Response:
    """`GET /api/makes`: every make, with its address as the caller would have to type it."""
    config = request.app[CONFIG]
    url = public_url(request)
    return answer(
        {
            "url": url,
            "isLocalOnly": _is_loopback(config.host),
            "isProxied": is_proxied(request),
            "makes": [_own(url), _dbl(config.udp_port), *_pushing(url)],
        }
    )


def _own(url: str) -> Json:
    return _make(_OWN_FORMAT, "HTTP device or script", "http", address=f"{url}/api/device/heartbeat")


def _dbl(port: int) -> Json:
    return _make(dbl.MAKE, "GoIP boxes (DBL, HYBERTONE)", "udp", udp_port=port or None)


def _pushing(url: str) -> list[Json]:
    return [
        _make(make.name, make.title, "http", address=f"{url}/in/{make.name}/{KEY_PLACE}")
        for make in HTTP_MAKES.values()
    ]


def _make(
    name: str, title: str, transport: str, *, address: str | None = None, udp_port: int | None = None
) -> Json:
    return {"name": name, "title": title, "transport": transport, "address": address, "udpPort": udp_port}


def _is_loopback(host: str) -> bool:
    """True for an address on which nobody but this machine is heard."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
