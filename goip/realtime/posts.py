"""Bodies that are posted: whole, in time, and of a bounded size; and how engine.io is given them.

That library reads what has arrived so far, which of a large body is its beginning, and of one without an
announced length nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError
from engineio.async_drivers import aiohttp as driver

from goip.errors import InvalidPayload, TooSlow

POSTED = web.RequestKey("posted", bytes)
"""On a request of engine.io's: its body, read by `read_whole`."""
BODY_WITHIN_SECONDS = 30.0


async def read_whole(request: web.Request, most: int) -> bytes:
    """The bytes of the body. Raises TooSlow, InvalidPayload, and 413 beyond `most`: at once for an announced excess."""
    n_announced = request.content_length or 0
    if n_announced > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=n_announced)
    try:
        if request.content.is_eof():  # it is here already, as almost every one is
            body = request.content.read_nowait()
        else:
            async with asyncio.timeout(BODY_WITHIN_SECONDS):
                body = await request.read()
    except TimeoutError:
        raise TooSlow("the body did not arrive in time") from None
    except RequestPayloadError as error:
        request.content.feed_eof()  # what is left of it has no use, and aiohttp would stumble over it
        raise InvalidPayload(f"the body cannot be read: {error}", code="invalid_encoding") from None
    if len(body) > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=len(body))
    return body


class _Posted:
    """A body that is here already, under the looks of a stream."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self, _n_bytes: int) -> bytes:
        return self._body


def translate_request(request: web.Request) -> dict[str, Any]:
    """The library's own translation, with the body that was read."""
    environ: dict[str, Any] = driver.translate_request(request)
    if POSTED in request:
        environ["wsgi.input"] = _Posted(request[POSTED])
        environ["CONTENT_LENGTH"] = str(len(request[POSTED]))
    return environ
