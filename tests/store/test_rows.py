"""What the heartbeat log holds of a heartbeat, and what is read of it again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.models import Heartbeat, SimSlot
from goip.store.rows import heartbeat_of, heartbeat_text

SLOT = SimSlot(3, iccid="89490200001234567890", status="registered")


@pytest.mark.parametrize(
    "beat",
    [
        Heartbeat("a"),
        Heartbeat("a", charging=False),
        Heartbeat("a", phone_number="+491"),
        Heartbeat("a", sim_slots=()),
        Heartbeat("a", sim_slots=(SLOT,), is_partial=True),
        Heartbeat("a", phone_number="+491", is_partial=True),
    ],
)
def test_a_heartbeat_is_read_as_it_was_told(beat: Heartbeat) -> None:
    assert heartbeat_of(heartbeat_text(beat)) == beat


TOLD = st.fixed_dictionaries(
    {"device_id": st.text(max_size=3)},
    optional={
        "battery_level": st.integers(0, 100),
        "charging": st.booleans(),
        "sim_slots": st.just((SLOT,)),
        "counter": st.integers(0, 9),
        "phone_number": st.just("+491"),
        "is_partial": st.booleans(),
    },
)


@given(TOLD)
def test_whatever_a_heartbeat_tells_is_read_as_it_was(told: dict[str, Any]) -> None:
    assert heartbeat_of(heartbeat_text(Heartbeat(**told))) == Heartbeat(**told)


def test_rows_from_before_slots_could_be_told_alone_are_whole() -> None:
    beat = heartbeat_of('["a",null,80,null,null,null,[[0,"Telekom"]]]')
    assert beat == Heartbeat("a", battery_level=80, sim_slots=(SimSlot(0, "Telekom"),))
    assert beat.is_partial is False


def test_a_heartbeat_that_tells_all_slots_takes_no_more_room_than_before() -> None:
    assert heartbeat_text(Heartbeat("a", battery_level=80)) == '["a",null,80]'
