"""Who sent a request: address, scheme, and the principal that its credentials prove."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from aiohttp import web
from multidict import CIMultiDictProxy

from goip.api.appkeys import CONFIG, DEVICE_LIMIT, DOORS, KEYRING, LOGINS, PRINCIPAL, STORE
from goip.api.enrolling import record_or_enrol
from goip.auth import credentials, csrf
from goip.auth.gateways import admit, find_gateway_key
from goip.auth.principals import Principal
from goip.errors import Forbidden, Unauthorized
from goip.gateways.native.decode import decode_heartbeat
from goip.models import Device
from goip.realtime.doors import Place
from goip.store.keys import Key
from goip.wire import Json

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address_of(request: web.Request) -> str:
    """The caller's address; behind a trusted proxy, the one that the proxy tells."""
    return caller_address(request.remote or "", request.headers, request.app[CONFIG].trusted_proxies)


def caller_address(peer: str, headers: CIMultiDictProxy[str], proxies: tuple[str, ...]) -> str:
    """The address of whoever sent these headers from `peer`; the `proxies` are addresses or networks."""
    if "X-Forwarded-For" not in headers or not _is_trusted(peer, proxies):
        return peer
    # Every line of it: some proxies add one of their own behind the caller's.
    hops = [part.strip() for line in headers.getall("X-Forwarded-For") for part in line.split(",")]
    return next((hop for hop in reversed(hops) if not _is_trusted(hop, proxies)), peer)


def is_secure(request: web.Request) -> bool:
    """True when the caller speaks https, to us or to a trusted proxy."""
    if request.secure:
        return True
    if not _is_trusted(request.remote or "", request.app[CONFIG].trusted_proxies):
        return False
    return request.headers.get("X-Forwarded-Proto", "").lower() == "https"


def public_url(request: web.Request) -> str:
    """The address of this server as the caller sees it, without a slash at the end."""
    configured = request.app[CONFIG].public_url
    if configured:
        return configured.rstrip("/")
    host = request.host
    if _is_trusted(request.remote or "", request.app[CONFIG].trusted_proxies):
        host = request.headers.get("X-Forwarded-Host", host)
    return f"{'https' if is_secure(request) else 'http'}://{host}"


def is_proxied(request: web.Request) -> bool:
    """True when something stands between the caller and us, as far as settings tell: what is not HTTP stops there."""
    config = request.app[CONFIG]
    return bool(config.public_url) or _is_trusted(request.remote or "", config.trusted_proxies)


def is_own_origin(request: web.Request) -> bool:
    """True for our own page, and for callers that are no page at all."""
    origin = request.headers.get("Origin")
    if origin is None or origin == public_url(request):
        return True
    return origin.partition("://")[2] == request.host


def check_origin(request: web.Request) -> None:
    """A page of another site may open a socket only where the operator named it. Raises Forbidden."""
    allowed = request.app[CONFIG].allowed_origins
    if not (is_own_origin(request) or request.headers["Origin"] in allowed or "*" in allowed):
        raise Forbidden("this origin may not open a socket here", code="origin")


@lru_cache(maxsize=64)
def _networks(proxies: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(proxy, strict=False) for proxy in proxies)


@lru_cache(maxsize=1024)
def _is_trusted(address: str, proxies: tuple[str, ...]) -> bool:
    if not proxies:
        return False
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in _networks(proxies))


def shown_key(request: web.Request) -> str | None:
    """The key or token that the request shows in a header, the query or the path."""
    return (
        request.match_info.get("key")
        or credentials.key_in_headers(request.headers)
        or credentials.key_in_query(request.query)
    )


def principal_of(request: web.Request) -> Principal:
    """The user, script or device that the request proves. Raises Unauthorized, and Forbidden for CSRF."""
    shown = credentials.key_in_headers(request.headers)
    if shown is not None:
        return principal_of_token(request.app, shown)
    cookie = request.cookies.get(credentials.ACCESS_COOKIE)
    if cookie is None or not is_own_origin(request):  # cookies are our own page's alone
        key = request.query.get("key")
        if key is not None:
            return principal_of_token(request.app, key)
        raise Unauthorized("log in, or show a token")
    principal = request.app[LOGINS].authenticate(cookie)
    if request.method not in _SAFE_METHODS:
        csrf.check(request.cookies, request.headers)
    return principal


def principal_of_token(app: web.Application, token: str) -> Principal:
    """The caller who shows this access token, API token or device key. Raises Unauthorized."""
    key = app[KEYRING].find(token)
    if key is None:
        return app[LOGINS].authenticate(token)
    if key.kind == "api":
        return app[KEYRING].authenticate_script(token)
    device = app[STORE].fleet.find_by_pk(key.device_pk)
    if key.kind != "device" or device is None:
        raise Unauthorized("this key does not open this door", code="invalid_key")
    return device_principal(device, key)


def device_principal(device: Device, key: Key) -> Principal:
    """A device, by its own key, or by an enrolment key that is still good for it."""
    return Principal(kind="device", device_id=device.device_id, key_id=key.id, key_hash=key.hash)


def enter(request: web.Request, *, is_new: bool = True) -> Place:
    """A place for the stream that a caller who is known asks for; `with` it. Raises TooManyRequests."""
    return request.app[DOORS].enter(address_of(request), request[PRINCIPAL], is_new=is_new)


class Gatekeeper:
    """What the Socket.IO transport asks; see `goip.realtime.socketio.Gatekeeper`."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def check_origin(self, request: web.Request) -> None:
        """Raises Forbidden for a page of another site that was not named."""
        check_origin(request)

    def enter(self, request: web.Request) -> Place:
        """A place for the connection that this request opens. Raises TooManyRequests."""
        return self._app[DOORS].enter(address_of(request))

    def of_handshake(self, request: web.Request, token: str | None) -> Principal | None:
        """The caller of a handshake, by token, header or cookie; None for nobody."""
        if token:
            return principal_of_token(self._app, token)
        try:
            return principal_of(request)
        except Unauthorized:
            if credentials.ACCESS_COOKIE in request.cookies or shown_key(request) is not None:
                raise
            return None

    def address_of(self, request: web.Request) -> str:
        """The address of the caller, also behind a proxy."""
        return address_of(request)

    async def of_device(self, device_id: str, key_text: str, address: str | None) -> tuple[Principal, Json]:
        """The device that shows its key, and what it is told; the enrolment key registers an unknown one."""
        app = self._app
        beat = decode_heartbeat({"deviceId": device_id})
        shown = find_gateway_key(app[KEYRING], key_text)
        admission = admit(app[KEYRING], app[STORE].fleet, shown, beat.device_id)
        told: Json = {"success": True, "deviceId": beat.device_id, "isNewDevice": False}
        if admission.device is not None:
            return device_principal(admission.device, admission.key), told
        app[DEVICE_LIMIT].spend(beat.device_id)
        outcome, own_key = await record_or_enrol(app, beat, admission, address)
        told["isNewDevice"] = outcome.is_new
        if own_key is not None:
            told["deviceKey"] = own_key
        if outcome.device.is_pending:
            told["pending"] = True
        key = app[KEYRING].find(own_key or key_text) or admission.key
        return device_principal(outcome.device, key), told
