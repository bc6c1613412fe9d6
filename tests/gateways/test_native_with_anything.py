"""Whatever a device sends, it is decoded or refused: never a defect, never what a database cannot store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from goip.gateways.native.decode import decode_heartbeat, decode_register, decode_sms
from tests.gateways.posting import check_told
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


@given(json_values | near_heartbeats | near_slots.map(lambda slots: {"deviceId": "a", "simSlots": slots}))
def test_whatever_comes_is_decoded_storable_or_refused(data: object) -> None:
    check_told(lambda: [decode_heartbeat(data)])
    check_told(lambda: [decode_register(data)])


@given(json_values | near_messages)
def test_whatever_message_comes_is_decoded_storable_or_refused(data: object) -> None:
    check_told(lambda: [decode_sms(data)])
