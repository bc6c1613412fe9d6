"""What the documents say of events' data is what the events carry."""

from __future__ import annotations

from typing import Any

import pytest

from goip.api.schemas.common import Shape
from goip.api.schemas.state import DeviceRebootShape, DeviceRemovedShape, StatusChangeShape
from goip.models import Event
from goip.operations import RemoveDevice
from goip.store.store import Store
from tests.store.lives import Ear, beat, enrol


def must_fit(shape: Shape, event: Event) -> None:
    data: Any = event.data
    assert shape.validate(data) == {}
    assert data.keys() == {field.data_key for field in shape.fields.values()}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("device-status-change", StatusChangeShape()),
        ("device-reboot", DeviceRebootShape()),
        ("device-removed", DeviceRemovedShape()),
    ],
)
async def test_an_event_carries_what_the_document_says(name: str, shape: Shape, store: Store) -> None:
    ear = Ear(store)
    await enrol(store)
    await beat(store, counter=90)
    await beat(store, counter=1)
    await store.record(RemoveDevice("gw-1"))
    told = ear.named(name)
    assert told
    for event in told:
        must_fit(shape, event)
