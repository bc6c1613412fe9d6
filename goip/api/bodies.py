"""Bodies and queries in, JSON out: what does not fit is refused in words that name the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from marshmallow import Schema, ValidationError

from goip.errors import InvalidPayload
from goip.realtime.posts import read_whole
from goip.validation import refusal
from goip.wire import dumps

BODY = web.RequestKey("body", bytes)
_KEY_PARAMETER = "key"
_PACK_FROM_BYTES = 2_048


async def read_body(request: web.Request) -> bytes:
    """The bytes of the body, as `read_whole` has them; they stay at hand as `request[BODY]`."""
    body = request[BODY] = await read_whole(request, request.client_max_size)
    return body


async def read_json(request: web.Request) -> object:
    """The JSON of the body. Raises InvalidPayload for anything else.

    The content type must say JSON: a form or a script of another site cannot make a browser send that
    unasked.
    """
    if request.content_type != "application/json" and not request.content_type.endswith("+json"):
        raise InvalidPayload("send JSON, with Content-Type: application/json", code="invalid_content_type")
    body = await read_body(request)
    if not body.strip():
        raise InvalidPayload("the body is empty: send JSON", code="invalid_json")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidPayload("the body is not UTF-8", code="invalid_json") from None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidPayload(f"the body is not valid JSON: {error}", code="invalid_json") from None


async def read_options(request: web.Request) -> object:
    """The JSON of a body that may be left out: then it is an empty object. Raises InvalidPayload for anything else."""
    return await read_json(request) if request.can_read_body else {}


def load(schema: Schema, data: object) -> dict[str, Any]:
    """`data` as the schema reads it. Raises InvalidPayload with every field that does not fit."""
    try:
        loaded: dict[str, Any] = schema.load(data)  # type: ignore[arg-type]  # what is no object is refused
    except ValidationError as error:
        raise refusal(error) from error
    return loaded


def load_query(schema: Schema, query: Mapping[str, str]) -> dict[str, Any]:
    """The query of a URL as the schema reads it; a key that proves the caller is no part of it."""
    return load(schema, {name: query[name] for name in query if name != _KEY_PARAMETER})


def answer(body: object, status: int = 200) -> web.Response:
    """A JSON answer."""
    return answer_bytes(dumps(body), status)


def answer_bytes(body: bytes, status: int = 200) -> web.Response:
    """A JSON answer that is encoded already; where it pays, packed for a client that takes it, beside the loop."""
    response = web.Response(body=body, status=status, content_type="application/json")
    if len(body) >= _PACK_FROM_BYTES:
        response.enable_compression()
    return response
