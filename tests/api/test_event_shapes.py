"""What the documents say of events' data is what the events carry."""

from __future__ import annotations

from typing import Any

import pytest

from goip.api.schemas.common import Shape
from goip.api.schemas.state import (
    DeviceReadmittedShape,
    DeviceRebootShape,
    DeviceRemovedShape,
    SimConflictShape,
    SimInsertedShape,
    SimMovedShape,
    SimVanishedShape,
    SmsRecoveredShape,
    StatusChangeShape,
)
from goip.models import Event, InboundSms, SimSlot
from goip.operations import RemoveDevice, TellReadmission
from goip.recovery import Piece, record_piece
from goip.store.store import Store
from tests.store.lives import Ear, beat, enrol


def must_fit(shape: Shape, event: Event) -> None:
    data: Any = event.data
    assert shape.validate(data) == {}
    assert data.keys() == {field.data_key for field in shape.fields.values()}


async def _shuffle_cards(store: Store) -> None:
    """Cards of two devices come, move, vanish, and are in two places."""
    first, second = SimSlot(0, iccid="8900000000000000001"), SimSlot(1, iccid="8900000000000000002")
    await enrol(store, "gw-2", sim_slots=(first,))
    await beat(store, "gw-2", sim_slots=(first, second))
    await beat(store, sim_slots=(first,))
    await beat(store, "gw-2", sim_slots=(first,))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("device-status-change", StatusChangeShape()),
        ("device-reboot", DeviceRebootShape()),
        ("device-removed", DeviceRemovedShape()),
        ("device-readmitted", DeviceReadmittedShape()),
        ("sim-inserted", SimInsertedShape()),
        ("sim-moved", SimMovedShape()),
        ("sim-vanished", SimVanishedShape()),
        ("sim-conflict", SimConflictShape()),
        ("sms-recovered", SmsRecoveredShape()),
    ],
)
async def test_an_event_carries_what_the_document_says(name: str, shape: Shape, store: Store) -> None:
    ear = Ear(store)
    await enrol(store)
    await beat(store, counter=90)
    await beat(store, counter=1)
    await _shuffle_cards(store)
    await record_piece(
        store, Piece("gw-1", "a", 2, [InboundSms("gw-1", "BANK", "hello")], is_last=True), None
    )
    await store.record(RemoveDevice("gw-1"))
    await store.record(TellReadmission("gw-1"))
    told = ear.named(name)
    assert told
    for event in told:
        must_fit(shape, event)
