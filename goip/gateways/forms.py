"""What the makes share in reading a push: its form, its JSON, and single fields of either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from goip.errors import InvalidPayload
from goip.gateways import Push

_MOST_FIELDS = 200


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
    try:
        data = orjson.loads(push.body)
    except orjson.JSONDecodeError as error:
        raise InvalidPayload(f"the body is not valid JSON: {error}", code="invalid_json") from None
    if not isinstance(data, dict):
        raise InvalidPayload("the body must be an object")
    return data


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
