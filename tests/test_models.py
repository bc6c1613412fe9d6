"""What goip talks about: cursors, slots, and what follows from their values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.models import Cursor, Device, SimSlot, Sms


@given(epoch=st.text(min_size=1, max_size=20), seq=st.integers(0, 10**18 - 1))
def test_a_cursor_is_read_back_as_it_was_written(epoch: str, seq: int) -> None:
    assert Cursor.parse(str(Cursor(epoch, seq))) == Cursor(epoch, seq)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "e:",
        ":1",
        "1",
        "e",
        "e:-1",
        "e:+1",
        "e: 1",
        "e:1 ",
        "e:1.0",
        "e:x",
        "e:١",
        "e:²",
        "e:" + "9" * 19,
    ],
)
def test_what_is_no_cursor_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidPayload) as refusal:
        Cursor.parse(text)
    assert refusal.value.fields == {"after": ["Not a valid cursor."]}


@pytest.mark.parametrize(
    ("slot", "key"),
    [
        (SimSlot(0, iccid="8949", imsi="262"), "8949"),
        (SimSlot(0, imsi="262"), "imsi:262"),
        (SimSlot(0, phone_number="+1"), None),
        (SimSlot(0, iccid="", imsi=""), None),
    ],
)
def test_a_card_is_named_by_its_iccid_or_else_its_imsi(slot: SimSlot, key: str | None) -> None:
    assert slot.sim_key == key


def device(**fields: Any) -> Device:
    return Device(pk=1, device_id="gw-1", registered_at=0, **fields)


@pytest.mark.parametrize(
    ("status", "is_online"), [("online", True), ("late", True), ("offline", False), ("unknown", False)]
)
def test_a_late_device_is_online_still(status: Any, is_online: bool) -> None:
    assert device(status=status).is_online is is_online


def test_a_slot_is_found_by_its_index_and_the_only_one_without() -> None:
    one, two = SimSlot(1), SimSlot(2)
    assert device(slots=(one, two)).slot(2) is two
    assert device(slots=(one, two)).slot(0) is None
    assert device(slots=(one, two)).slot(None) is None
    assert device(slots=(two,)).slot(None) is two
    assert device().slot(None) is None


def test_the_peer_of_a_message_is_the_other_side() -> None:
    sms = Sms(1, "gw-1", "inbound", "BANK", "+491", "hello", 0, 0, None, None, None, "received")
    assert sms.peer == "BANK"
    assert Sms(1, "gw-1", "outbound", "+491", "+492", "hello", 0, 0, None, None, None, "sent").peer == "+492"
