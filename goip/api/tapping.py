"""What gateways ask over HTTP, kept in the wire log, whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http import HTTPStatus

from aiohttp import web

from goip.api.appkeys import KEYRING, STORE, WIRE
from goip.api.bodies import BODY
from goip.api.callers import address_of
from goip.api.middleware import REQUEST_ID, error_response
from goip.api.route import Handler
from goip.auth.credentials import key_in_headers, key_in_query
from goip.errors import GoipError
from goip.gateways.registry import HTTP_MAKES
from goip.store.keys import Key
from goip.wirelog.exchange import NATIVE, Exchange, about

UNKNOWN = "unknown"
_MAKES = frozenset((NATIVE, *HTTP_MAKES))
_MOST_WORDS = 20


def tapped(handler: Handler) -> Handler:
    """The handler, with every exchange kept."""

    async def tap(request: web.Request) -> web.StreamResponse:
        make = request.match_info.get("make", NATIVE)
        exchange = Exchange(
            request.app[STORE].clock(), "http", make if make in _MAKES else UNKNOWN, address_of(request)
        )
        with request.app[WIRE].keeping(exchange):
            try:
                response = await handler(request)
                _answer(exchange, response)
                return response
            except GoipError as refusal:
                exchange.reason = refusal.message
                _answer(exchange, error_response(refusal, request[REQUEST_ID]))
                raise
            except web.HTTPException as refusal:
                exchange.reason = refusal.reason
                exchange.answer(b"", _status(refusal.status))
                raise
            except (ConnectionError, TimeoutError, asyncio.CancelledError):
                exchange.reason = "the sender did not wait for the answer"
                raise
            finally:
                _hear(exchange, request)

    return tap


def about_owner_of(app: web.Application, key: Key) -> None:
    """What goes on is about the device that the key belongs to, if it belongs to one."""
    owner = app[STORE].fleet.find_by_pk(key.device_pk)
    if owner is not None:
        about(owner.device_id, by_key=True)


def _hear(exchange: Exchange, request: web.Request) -> None:
    shown = (
        request.match_info.get("key"),
        key_in_headers(request.headers),
        key_in_query(request.query),
    )
    exchange.secrets.update(secret for secret in shown if secret)
    if exchange.reason is not None:
        exchange.secrets.update(_misplaced(request))
    headers = (f"{name}: {value}" for name, value in request.headers.items())
    exchange.head = "\n".join((f"{request.method} {request.raw_path}", *headers))
    exchange.body = _body(request)


def _misplaced(request: web.Request) -> Iterator[str]:
    """What stands in the address of a request that was refused and may be a key, in a place where none belongs."""
    make = request.match_info.get("make", NATIVE)
    if make not in _MAKES:
        yield make
    keyring = request.app[KEYRING]
    words = (*request.match_info.get("path", "").split("/"), *request.query.values())
    for word in words[:_MOST_WORDS]:
        if keyring.find(word) is not None:
            yield word


def _body(request: web.Request) -> bytes:
    """What was read; of a body that nobody wanted, what is here already."""
    if BODY in request:
        return request[BODY]
    content = request.content
    if not content.is_eof() or content.exception() is not None:
        return b""
    return content.read_nowait()


def _answer(exchange: Exchange, response: web.StreamResponse) -> None:
    headers = (f"{name}: {value}" for name, value in response.headers.items())
    body = response.body if isinstance(response, web.Response) else None
    told = body if isinstance(body, bytes | bytearray) else b""
    exchange.answer(bytes(told), "\n".join((_status(response.status), *headers)))
    if response.status >= HTTPStatus.BAD_REQUEST and exchange.reason is None:
        exchange.reason = _status(response.status)


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
