"""What an operator does to a device: add, rename, adopt, remove."""

from __future__ import annotations

import pytest

from goip.errors import Conflict, NotFound
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Heartbeat, SimSlot
from goip.operations import add_device, adopt_device, change_device, remove_device
from goip.store import tables as t
from goip.store.store import Store
from goip.wire import device_json
from tests.conftest import FakeClock
from tests.store.lives import Ear, all_rows, beat, crash, enrol, opened, receive


async def test_a_device_may_be_there_before_its_first_heartbeat(store: Store, clock: FakeClock) -> None:
    ear = Ear(store)
    device = await add_device(store, "gw-1", make="ejoin", key_hash="h", settings={"name": "Roof"})
    assert (device.name, device.make, device.status) == ("Roof", "ejoin", "unknown")
    assert (device.last_seen_at, device.registered_at) == (None, clock())
    assert device.status_reason == "waits for its first heartbeat"
    assert [row["hash"] for row in await all_rows(store, t.keys)] == ["h"]
    (fact,) = ear.named("device-updated")
    assert {**fact.data, "seq": 0} == {**device_json(device), "seq": 0}  # type: ignore[dict-item]
    outcome = await record_heartbeat(store, Heartbeat("gw-1", name="Pixel"))
    assert (outcome.is_new, outcome.device.status, outcome.device.name) == (False, "online", "Roof")


async def test_a_device_is_added_once(store: Store) -> None:
    await add_device(store, "gw-1", make="http", key_hash="h-1")
    with pytest.raises(Conflict) as refusal:
        await add_device(store, "gw-1", make="http", key_hash="h-2")
    assert refusal.value.fields == {"deviceId": ["Already registered."]}
    assert [row["hash"] for row in await all_rows(store, t.keys)] == ["h-1"]


async def test_a_change_is_kept_told_and_shown_to_who_comes_back(store: Store) -> None:
    await enrol(store, interval_seconds=60)
    ear = Ear(store)
    device = await change_device(store, "gw-1", {"name": "Roof", "set_interval_seconds": 10})
    assert (device.name, device.interval_seconds) == ("Roof", 10)
    (fact,) = ear.named("device-updated")
    assert fact.rooms == ("device-gw-1", "dashboard")
    assert (fact.data["name"], fact.data["intervalSeconds"]) == ("Roof", 10)  # type: ignore[index]
    await crash(store)
    async with opened(store) as again:
        assert again.fleet.find("gw-1") == device
        assert (await beat(again, name="Pixel", interval_seconds=60)).name == "Roof"


async def test_what_a_change_does_not_name_stays(store: Store) -> None:
    await enrol(store)
    await change_device(store, "gw-1", {"name": "Roof", "set_interval_seconds": 10})
    device = await change_device(store, "gw-1", {})
    assert (device.name, device.set_interval_seconds) == ("Roof", 10)
    device = await change_device(store, "gw-1", {"name": None, "set_interval_seconds": None})
    assert (device.name, device.set_interval_seconds) == (None, None)


async def test_a_device_that_waits_is_adopted(store: Store) -> None:
    await record_heartbeat(store, Heartbeat("gw-1"), enrolment=Enrolment(None, is_pending=True))
    assert not (await adopt_device(store, "gw-1")).is_pending
    assert not (await beat(store)).is_pending


async def test_a_change_loses_no_heartbeat_that_waits_to_be_folded(store: Store) -> None:
    await enrol(store, battery_level=1)
    await beat(store, battery_level=2)
    await change_device(store, "gw-1", {"name": "Roof"})
    await beat(store, battery_level=3)
    before = list(store.fleet)
    await store.close()
    async with opened(store) as again:
        assert list(again.fleet) == before
        assert sum(row["battery_sum"] for row in await all_rows(again, t.heartbeat_rollups)) == 6


async def test_a_removed_device_is_gone_with_its_slots_and_keys_and_its_messages_stay(store: Store) -> None:
    await enrol(store, "gw-1", sim_slots=(SimSlot(0, iccid="8949"),))
    await enrol(store, "gw-2", sim_slots=(SimSlot(0, iccid="8950"),))
    await receive(store, "kept")
    ear = Ear(store)
    await remove_device(store, "gw-1")
    assert store.fleet.find("gw-1") is None
    assert len(store.fleet) == 1
    assert [row["device_id"] for row in await all_rows(store, t.devices)] == ["gw-2"]
    assert len(await all_rows(store, t.slots)) == len(await all_rows(store, t.keys)) == 1
    assert [row["message"] for row in await all_rows(store, t.sms)] == ["kept"]
    (fact,) = ear.named("device-removed")
    assert (fact.rooms, fact.data["deviceId"]) == (("device-gw-1", "dashboard"), "gw-1")  # type: ignore[index]
    await crash(store)
    async with opened(store) as again:
        assert [device.device_id for device in again.fleet] == ["gw-2"]


async def test_a_device_that_comes_back_after_its_removal_is_a_new_one(store: Store) -> None:
    first = await enrol(store, name="Roof", battery_level=50)
    await remove_device(store, "gw-1")
    outcome = await record_heartbeat(store, Heartbeat("gw-1"), enrolment=Enrolment("hash of gw-1"))
    assert outcome.is_new
    assert outcome.device.pk != first.pk
    assert (outcome.device.name, outcome.device.battery_level) == (None, None)


async def test_what_is_unknown_is_not_found(store: Store) -> None:
    for work in (change_device(store, "gw-9", {"name": "x"}), remove_device(store, "gw-9")):
        with pytest.raises(NotFound, match="Device not found"):
            await work
    assert store.fleet.seq == 0
