"""A push as flat records, one a message, whatever it was wrapped in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from goip.errors import InvalidPayload
from goip.gateways import Push
from goip.gateways.forms import form_of, json_of
from goip.gateways.forwarder.names import TEXT, Record, Scalar, first, plain

_WRAPPERS = frozenset({"payload", "data", "json"})
"""Fields of which a text may be JSON itself."""
_DEEPEST = 5


def records_of(push: Push) -> list[Record]:
    """One record for each message of a JSON body, or one of a form; what the query says is in each.

    Raises InvalidPayload for JSON that is none, or that holds no object.
    """
    if push.body.lstrip()[:1] not in (b"{", b"["):
        return _unwrapped(form_of(push), {})
    query = _flat(push.query)
    data = json_of(push.body)
    items = data if isinstance(data, list) else [data]
    if not items:
        raise InvalidPayload("the body holds no message")
    return [record for item in items for record in _unwrapped(item, query)]


def _unwrapped(data: Any, around: Record) -> list[Record]:
    """The record of an object; where that has no text but lists of objects, theirs, with what stands around."""
    if not isinstance(data, Mapping):
        raise InvalidPayload("the body must be an object, or an array of objects")
    record = {**around, **_flat(data)}
    listed = [] if first(record, TEXT) is not None else list(_listed(data))
    return [{**record, **_flat(item)} for item in listed] or [record]


def _flat(data: Mapping[str, Any], depth: int = _DEEPEST) -> dict[str, Scalar]:
    """All single values by their plain names; of two under one name, the one that lies less deep."""
    record: dict[str, Scalar] = {}
    inner: list[Mapping[str, Any]] = []
    for name, value in _fields(data):
        if isinstance(value, Mapping):
            inner.append(value)
        elif isinstance(value, str | int | float):
            record.setdefault(name, value)
    for each in inner if depth else ():
        record = {**_flat(each, depth - 1), **record}
    return record


def _listed(data: Mapping[str, Any], depth: int = _DEEPEST) -> Iterator[Mapping[str, Any]]:
    """The objects in lists."""
    for _, value in _fields(data):
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, Mapping))
        elif isinstance(value, Mapping) and depth:
            yield from _listed(value, depth - 1)


def _fields(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for told, value in data.items():
        name = plain(told)
        yield name, _opened(value) if name in _WRAPPERS else value


def _opened(value: Any) -> Any:
    """What a text holds, where that is JSON."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return orjson.loads(value)
    except ValueError:
        return value
