"""The OpenAPI document, made from the table of routes and its schemas.

`python -m goip.api.openapi` prints it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import orjson
from aiohttp import web
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_cls
from marshmallow import Schema, fields, missing

from goip import __version__
from goip.api.examples import example_body
from goip.api.route import Access, Route
from goip.api.schemas.common import ErrorAnswer
from goip.api.schemas.state import EVENT_SHAPES
from goip.auth.credentials import ACCESS_COOKIE, CSRF_HEADER
from goip.wire import Json

_DESCRIPTION = f"""\
Devices post heartbeats and messages; users and scripts read them and follow the live stream.

JSON is UTF-8 and camelCase. Times are ISO 8601 in UTC with milliseconds; where a time is sent, epoch seconds
and milliseconds are understood too. Lists come in pages: send `nextCursor` back as `cursor` for the next one.

An answer 2xx to a device means that what it sent is on disk. An answer 503 with `Retry-After` is trouble of
the server's: the same request may succeed later. A request that is made with the cookie and changes something
carries the header `{CSRF_HEADER}` with the value of the cookie `goip_csrf`.
"""

_SECURITY: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token, an API token, a device key or an enrolment key.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same."},
    "basic": {"type": "http", "scheme": "basic", "description": "The key as the password; any user name."},
    "keyInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "For hardware that can set nothing but a URL.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS_COOKIE,
        "description": "What the web page uses after a login.",
    },
}
_KEYS = ("bearer", "apiKey", "basic", "keyInQuery")
_PROOFS: dict[Access, tuple[str, ...]] = {
    Access.PUBLIC: (),
    Access.GATEWAY: _KEYS,
    Access.USER: ("bearer", "cookie"),
    Access.READ: (*_KEYS, "cookie"),
    Access.LISTEN: (*_KEYS, "cookie"),
    Access.OPERATE: (*_KEYS, "cookie"),
    Access.ADMINISTER: (*_KEYS, "cookie"),
}
_TAGS = {
    "gateways": "What devices post.",
    "live": "The live state, and the stream of what changes.",
    "devices": "Devices, their history, SIM cards, enrolment.",
    "sms": "Messages and conversations.",
    "auth": "Logging in and out.",
    "users": "Users and API tokens.",
    "server": "The server about itself.",
}
_FORM = "application/x-www-form-urlencoded"
_PATH_PARAMETER = re.compile(r"{(\w+)(?::[^{}]*(?:{[^{}]*}[^{}]*)*)?}")


def openapi_document(routes: Sequence[Route], version: str) -> Json:
    """The OpenAPI 3.1 document of these routes."""
    marshmallow = MarshmallowPlugin(schema_name_resolver=_name_of)
    spec = APISpec(
        title="goip",
        version=version,
        openapi_version="3.1.0",
        plugins=[marshmallow],
        info={"description": _DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
        servers=[{"url": "/"}],
        tags=list(_tags(routes)),
    )
    converter: Any = marshmallow.converter
    converter.add_attribute_function(_described)
    for name, scheme in _SECURITY.items():
        spec.components.security_scheme(name, scheme)
    refusal = {"description": "A refusal.", "content": _json(ErrorAnswer)}
    trouble = {"description": "Trouble of the server's: nothing was stored.", "content": _json(ErrorAnswer)}
    spec.components.response("Refusal", refusal)
    spec.components.response("Trouble", trouble)
    for shape in EVENT_SHAPES:
        spec.components.schema(_name_of(shape), schema=shape)
    used: set[str] = set()
    for route in routes:
        operation = _operation(route, converter, _operation_id(route, used))
        spec.path(path=_PATH_PARAMETER.sub(r"{\1}", route.path), operations={route.method.lower(): operation})
    for key, name in converter.refs.items():
        spec.components.schemas[name]["description"] = (key[0].__doc__ or "").partition("\n\n")[0]
    document: Json = spec.to_dict()
    return document


def _name_of(schema: Any) -> str:
    """A schema's name in the document: `Device` for `DeviceShape`, `HeartbeatBody` for `HeartbeatSchema`."""
    kind: Any = resolve_schema_cls(schema)
    name: str = kind.__name__
    return name.removesuffix("Shape").replace("Schema", "Body")


def _described(_converter: Any, field: fields.Field[Any], ret: Json) -> Json:
    """What a field's class knows better than its base class; and no default where that is to be absent."""
    if ret.get("default", missing) is None:
        del ret["default"]
    told = dict(getattr(type(field), "described", {}))
    if "pattern" in told and ("enum" in ret or "pattern" in ret):
        del told["pattern"]
    if field.allow_none and "type" in told:
        told["type"] = [*told["type"], "null"]
    return {**told, **{key: ret[key] for key in told.keys() & ret.keys() if key != "type"}}


def _tags(routes: Sequence[Route]) -> Iterator[Json]:
    for tag in dict.fromkeys(route.tag for route in routes):
        yield {"name": tag, "description": _TAGS.get(tag, "")}


def _operation_id(route: Route, used: set[str]) -> str:
    """A name that stays while the handler's does; the second route of a handler gets a number."""
    first, *others = route.handler.__name__.split("_")
    name = first + "".join(word.capitalize() for word in others)
    number = 2
    while name in used:
        name, number = f"{name.rstrip('0123456789')}{number}", number + 1
    used.add(name)
    return name


def _operation(route: Route, converter: Any, operation_id: str) -> Json:
    proofs = _PROOFS[route.access]
    operation: Json = {
        "operationId": operation_id,
        "summary": route.summary,
        "description": f"For {route.access.value}.",
        "tags": [route.tag],
        "security": [{name: []} for name in proofs],
        "parameters": [*_path_parameters(route), *_query_parameters(route, converter)],
        "responses": {
            str(route.status): _answer(route),
            "4XX": "Refusal",
            "5XX": "Trouble",
        },
    }
    if route.body is not None:
        operation["requestBody"] = _request_body(route, route.body)
    return operation


def _path_parameters(route: Route) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PATH_PARAMETER.findall(route.path)
    ]


def _query_parameters(route: Route, converter: Any) -> list[Json]:
    if route.query is None:
        return []
    told = converter.schema2jsonschema(route.query())
    parameters = []
    for name, described in told["properties"].items():
        parameter: Json = {"name": name, "in": "query", "schema": described}
        if name in told.get("required", ()):
            parameter["required"] = True
        if described.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        if "description" in described:
            parameter["description"] = described.pop("description")
        parameters.append(parameter)
    return parameters


def _request_body(route: Route, body: type[Schema]) -> Json:
    one: Any = body
    many = {"oneOf": [body, {"type": "array", "items": body, "minItems": 1}]}
    content: Json = {
        "application/json": {"schema": many if route.takes_many else one, "example": example_body(body())}
    }
    if route.access is Access.GATEWAY:
        content[_FORM] = {"schema": one, "encoding": _form_encoding(body())}
    is_needed = any(field.required for field in body().fields.values())
    return {"required": is_needed, "content": content}


def _form_encoding(schema: Schema) -> Json:
    """A form has objects and arrays as JSON strings."""
    inside = (name for name, field in schema.fields.items() if isinstance(field, fields.Nested | fields.List))
    return {schema.fields[name].data_key or name: {"contentType": "application/json"} for name in inside}


def _answer(route: Route) -> Json:
    content: Json = {}
    if route.answer is not None:
        one: Any = route.answer
        each = {"oneOf": [one, ErrorAnswer]}
        content = {
            "application/json": {
                "schema": {"oneOf": [one, {"type": "array", "items": each}]} if route.takes_many else one
            }
        }
    for media_type in route.also_answers:
        content[media_type] = {"schema": {"type": "object" if media_type.endswith("+json") else "string"}}
    answer: Json = {"description": "Done."}
    return answer | {"content": content} if content else answer


def _json(schema: type[Schema]) -> Json:
    return {"application/json": {"schema": schema}}


@cache
def own_document() -> Json:
    """The document of this server, built once."""
    from goip.api.routes import ROUTES  # the table holds this module's handler

    return openapi_document(ROUTES, __version__)


@cache
def _own_bytes() -> bytes:
    return orjson.dumps(own_document())


async def openapi_json(_request: web.Request) -> web.Response:
    """`GET /api/openapi.json`."""
    return web.Response(body=_own_bytes(), content_type="application/json")


if __name__ == "__main__":
    print(orjson.dumps(own_document(), option=orjson.OPT_INDENT_2).decode())  # noqa: T201
