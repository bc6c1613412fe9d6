"""Requests of gateways, made by hand, and what every decoder promises of whatever it tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, is_dataclass
from json import dumps as dumps_anything
from typing import Any
from urllib.parse import parse_qsl, urlencode

from hypothesis import settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from goip.api.replaying import told_json
from goip.api.schemas.common import HIGHEST_SLOT_INDEX
from goip.errors import GoipError, InvalidPayload, Unauthorized
from goip.gateways import Push
from goip.models import Heartbeat, Told
from goip.store.rows import heartbeat_of, heartbeat_text
from goip.wire import dumps
from tests.test_validation import json_values, texts

NOW = 1_795_238_541_123

patient = settings(deadline=None)
"""For a test on a machine that has other things to do."""


def push(
    body: bytes = b"",
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    device_id: str | None = "phone-1",
    path: str = "",
) -> Push:
    """What `api.inbound` would make of such a request."""
    return Push(
        method="POST" if body else "GET",
        path=path,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=CIMultiDict(headers or {}),
        body=body,
        key="goip_dk_example",
        device_id=device_id,
        received_at=NOW,
        raw_query=query,
    )


def form(fields: Mapping[str, str], **more: Any) -> Push:
    return push(urlencode(fields).encode(), **more)


def json(data: object, **more: Any) -> Push:
    """The data as phones write it: half an emoji escaped, numbers of any size."""
    return push(dumps_anything(data).encode(), **more)


def near(names: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these names, and whatever values."""
    return st.dictionaries(st.sampled_from([*names]), json_values | texts, max_size=8)


def check_promises(decode: Callable[[Push], Sequence[Told]], asked: Push) -> None:
    """It is decoded to what a database can store, or refused in words that an answer can carry."""
    check_told(lambda: decode(asked))


def check_told(
    tell: Callable[[], Sequence[Any]],
    refusals: tuple[type[GoipError], ...] = (InvalidPayload, Unauthorized),
) -> None:
    """It tells what a database can store and JSON can carry, or refuses in words that an answer can carry."""
    try:
        told = tell()
    except refusals as refusal:
        dumps({"error": refusal.message, "fields": refusal.fields})
        return
    for item in told:
        _check_values(item)
        if isinstance(item, Told):
            dumps(told_json(item))
        if isinstance(item, Heartbeat):
            assert heartbeat_of(heartbeat_text(item)) == item


def _check_values(item: Any) -> None:
    for value in _values(astuple(item) if is_dataclass(item) else tuple(item)):
        if isinstance(value, str):
            assert "\0" not in value.encode().decode()
        elif isinstance(value, int):
            assert abs(value) < 2**53
    slot_index = getattr(item, "slot_index", None)
    assert slot_index is None or 0 <= slot_index <= HIGHEST_SLOT_INDEX


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from _values([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _values(each)
    else:
        yield value
