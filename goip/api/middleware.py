"""Around every request: an id, one body for errors, and headers that browsers obey."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web

from goip.api.appkeys import CONFIG
from goip.errors import GoipError
from goip.wire import dumps

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
REQUEST_ID = web.RequestKey("request_id", str)
_PROCESS_ID = secrets.token_hex(4)
_numbers = itertools.count(1)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types vue"
)

_WORDS = {
    404: ("there is nothing at this address", "not_found"),
    405: ("this address does not take that method", "method_not_allowed"),
    413: ("the body is too large", "too_large"),
}

_CLIENT_GONE = 499

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Api-Key, X-Request-Id",
    "Access-Control-Max-Age": "600",
}

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=()",
}


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into the contract's error body, and defects into a bare 500 with an id to look for."""
    request_id = request[REQUEST_ID] = request_id_of(request.headers)
    try:
        return await handler(request)
    except GoipError as refusal:
        return error_response(refusal, request_id)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        return _http_error(answer, request_id)
    except (ConnectionError, TimeoutError) as gone:
        log.info("request.gone", path=request.path, error=repr(gone), request_id=request_id)
        if _is_gone(request):
            return web.Response(status=_CLIENT_GONE)  # raised, it would be an error in the log
        raise
    except asyncio.CancelledError:
        if _is_gone(request):
            return web.Response(
                status=_CLIENT_GONE
            )  # raised, it would end in a cycle, for the collector to find
        raise
    except Exception:
        log.exception("request.defect", method=request.method, path=request.path, request_id=request_id)
        return error_response(GoipError("something went wrong on our side"), request_id)


def _is_gone(request: web.Request) -> bool:
    """True when nobody is there to read an answer."""
    return request.transport is None or request.transport.is_closing()


def request_id_of(headers: Mapping[str, str]) -> str:
    """The id that a request brings, or a new one."""
    told = headers.get("X-Request-Id")
    return told if told is not None and _SANE_ID.match(told) else f"{_PROCESS_ID}-{next(_numbers)}"


def error_body(refusal: GoipError, request_id: str) -> dict[str, object]:
    """The one error body."""
    body: dict[str, object] = {"success": False, "error": refusal.message, "code": refusal.code}
    if refusal.fields:
        body["fields"] = refusal.fields
    body["requestId"] = request_id
    return body


def error_response(refusal: GoipError, request_id: str) -> web.Response:
    """The answer to a request that was refused."""
    headers = {"X-Request-Id": request_id}
    if refusal.retry_after_seconds is not None:
        headers["Retry-After"] = str(refusal.retry_after_seconds)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="goip"'
    body = dumps(error_body(refusal, request_id))
    return web.Response(body=body, status=refusal.status, headers=headers, content_type="application/json")


def _http_error(answer: web.HTTPException, request_id: str) -> web.Response:
    """aiohttp's own refusals (no such route, wrong method, body too large) in our body."""
    message, code = _WORDS.get(answer.status, (answer.reason, "http_error"))
    refusal = GoipError(message, code=code)
    refusal.status = answer.status
    response = error_response(refusal, request_id)
    if "Allow" in answer.headers:
        response.headers["Allow"] = answer.headers["Allow"]
    return response


@web.middleware
async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a browser that asks whether a page of another origin may call; `add_headers` says whether."""
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return web.Response(status=204)
    return await handler(request)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal of aiohttp: the headers of every answer."""
    headers = response.headers
    headers["Server"] = "goip"  # aiohttp's own would tell everybody our versions
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    origin = request.headers.get("Origin")
    allowed = request.app[CONFIG].allowed_origins
    if origin is not None and (origin in allowed or "*" in allowed):
        headers["Access-Control-Allow-Origin"] = origin
        headers["Vary"] = "Origin"
        if request.method == "OPTIONS":
            headers.update(_PREFLIGHT)
    request_id = request.get(REQUEST_ID)
    if request_id is not None:
        headers.setdefault("X-Request-Id", request_id)
    if request.path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
