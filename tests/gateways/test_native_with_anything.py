"""Whatever a device sends, it is decoded or refused: never a defect, never what a database cannot store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways.native.decode import decode_heartbeat, decode_register, decode_sms
from goip.models import Heartbeat, InboundSms
from goip.wire import dumps
from tests.gateways.test_native import HEARTBEAT, SLOTS, SMS
from tests.test_validation import json_values, texts

near_heartbeats = st.fixed_dictionaries(
    {"deviceId": st.just("a")},
    optional=dict.fromkeys([*HEARTBEAT.keys() - {"deviceId"}, "phoneNumber"], json_values),
)
near_slots = st.lists(st.dictionaries(st.sampled_from(sorted(SLOTS[0])), json_values, max_size=5), max_size=3)
near_messages = st.fixed_dictionaries(
    {"deviceId": st.just("a"), "sender": st.just("b") | texts, "message": texts},
    optional=dict.fromkeys(SMS.keys() - {"deviceId", "sender", "message"}, json_values),
)


def _texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts_of([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts_of(each)


def _check(decode: Callable[[object], Heartbeat | InboundSms], data: object) -> None:
    """It decodes to what a database can store, or is refused in words that an answer can carry."""
    try:
        told = decode(data)
    except InvalidPayload as error:
        dumps({"error": error.message, "fields": error.fields})
        return
    for text in _texts_of(told if isinstance(told, Heartbeat) else astuple(told)):
        assert "\0" not in text.encode().decode()


@given(json_values | near_heartbeats | near_slots.map(lambda slots: {"deviceId": "a", "simSlots": slots}))
def test_whatever_comes_is_decoded_storable_or_refused(data: object) -> None:
    _check(decode_heartbeat, data)
    _check(decode_register, data)


@given(json_values | near_messages)
def test_whatever_message_comes_is_decoded_storable_or_refused(data: object) -> None:
    _check(decode_sms, data)
