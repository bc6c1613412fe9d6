"""What the makes share in reading a push: its form, its JSON, and single fields of either."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from goip.clock import parse_time
from goip.errors import InvalidPayload
from goip.gateways import Push

_MOST_FIELDS = 200
_EARLIEST_SECONDS = 1_000_000_000
"""A number below this (September 2001) is a counter, or no time at all."""


def form_of(push: Push) -> dict[str, str]:
    """The fields of the query and, over them, of a form in the body. Raises InvalidPayload for too many."""
    try:
        pairs = parse_qsl(
            push.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise InvalidPayload(f"a form has at most {_MOST_FIELDS} fields", code="invalid_form") from None
    return {**push.query, **dict(pairs)}


def object_of(push: Push) -> dict[str, Any]:
    """The JSON object of the body. Raises InvalidPayload when it is none."""
    data = json_of(push.body)
    if not isinstance(data, dict):
        raise InvalidPayload("the body must be an object")
    return data


def json_of(body: bytes) -> Any:
    """The JSON of a body, also as phones write it: half an emoji, a bare line break, a byte that is no UTF-8.

    Such a message can be stored, and one that is refused is lost. Raises InvalidPayload for what is no JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        refused = InvalidPayload(f"the body is not valid JSON: {error}", code="invalid_json")
    try:
        return json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        raise refused from None


def need_text(data: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that is there, as text; a number is its digits. Raises InvalidPayload."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    raise InvalidPayload(f"{names[0]} is required", fields={names[0]: ["Is required."]})


def need_device(push: Push, told: str | None = None) -> str:
    """The id of the device: the key's own, the address's, or the one that the body told. Raises InvalidPayload."""
    device_id = push.device_id or told
    if not device_id:
        raise InvalidPayload(
            "this make does not say who it is: add a name to the address, as /in/MAKE/KEY/NAME",
            fields={"deviceId": ["Is required."]},
        )
    return device_id


def moment_of(told: object) -> int | None:
    """The moment that a field tells, in ms since the epoch; None where it tells none.

    Epoch s or ms, as a number or as text, or ISO 8601 with a zone. A wall clock without one names no moment.
    """
    if isinstance(told, str):
        text = told.strip()
        try:
            told = float(text)
        except ValueError:
            return _zoned(text)
    if isinstance(told, bool) or not isinstance(told, int | float) or not told >= _EARLIEST_SECONDS:
        return None
    return _parsed(told)


def _zoned(text: str) -> int | None:
    try:
        has_zone = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return None
    return _parsed(text) if has_zone else None


def _parsed(told: object) -> int | None:
    try:
        return parse_time(told)
    except (ValueError, OverflowError):
        return None
