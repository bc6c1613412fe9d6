"""Devices that were turned away: gone, refused, and let in again by an operator alone."""

from __future__ import annotations

import pytest

from goip.auth.gateways import admit, find_gateway_key
from goip.auth.keys import DEVICE, Keyring, hash_key, new_key
from goip.errors import Conflict, Forbidden, NotFound, Unavailable
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Device, Heartbeat
from goip.operations import add_device, adopt_device
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.store.lives import Ear, enrol


async def waiting(store: Store, device_id: str = "gw-1") -> Device:
    """A device that waits to be adopted."""
    told = Heartbeat(device_id, name="Roof", ip_address="192.0.2.7")
    return (await record_heartbeat(store, told, enrolment=Enrolment(None, "capcom6", is_pending=True))).device


async def restarted(store: Store, clock: FakeClock) -> Keyring:
    keyring = Keyring(store, clock)
    await keyring.open()
    return keyring


async def test_a_rejected_device_is_gone_and_refused_over_a_restart(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    shown = find_gateway_key(keyring, await keyring.add_enrollment_key("for the north"))
    device, ear = await waiting(store), Ear(store)
    assert admit(keyring, store.fleet, shown, "gw-1").device == device
    clock.advance(60)
    rejection = await keyring.rejections.reject(device, "ana")
    assert store.fleet.find("gw-1") is None
    (removed,) = ear.named("device-removed")
    assert removed.data["isRejected"] is True  # type: ignore[index]
    assert (rejection.first_seen_at, rejection.rejected_at) == (clock() - 60_000, clock())
    for each in (keyring, await restarted(store, clock)):
        assert each.rejections.list_all() == [rejection]
        with pytest.raises(Forbidden, match="an operator turned this device away") as refusal:
            admit(each, store.fleet, shown, "gw-1")
        assert refusal.value.code == "device_rejected"
        assert admit(each, store.fleet, shown, "gw-2").is_enrolling


async def test_a_readmitted_device_waits_anew(store: Store, keyring: Keyring, clock: FakeClock) -> None:
    shown = find_gateway_key(keyring, await keyring.add_enrollment_key("for the north"))
    await keyring.rejections.reject(await waiting(store), None)
    ear = Ear(store)
    await keyring.rejections.readmit("gw-1")
    assert [event.name for event in ear.events] == ["device-readmitted"]
    for each in (keyring, await restarted(store, clock)):
        assert each.rejections.list_all() == []
        assert admit(each, store.fleet, shown, "gw-1").is_enrolling
    with pytest.raises(NotFound):
        await keyring.rejections.readmit("gw-1")
    assert (await waiting(store)).is_pending


async def test_only_a_device_that_waits_is_rejected(store: Store, keyring: Keyring) -> None:
    with pytest.raises(Conflict) as refusal:
        await keyring.rejections.reject(await enrol(store), None)
    assert refusal.value.code == "not_pending"
    assert keyring.rejections.list_all() == []


async def test_who_adopts_at_the_same_time_has_the_last_word(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    device = await waiting(store)
    await adopt_device(store, "gw-1")
    with pytest.raises(Conflict):
        await keyring.rejections.reject(device, None)  # as it was when the operator looked
    assert store.fleet.find("gw-1") is not None
    for each in (keyring, await restarted(store, clock)):
        assert "gw-1" not in each.rejections


async def test_a_rejection_that_stopped_half_way_can_be_completed(
    store: Store, keyring: Keyring, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = find_gateway_key(keyring, await keyring.add_enrollment_key("for the north"))
    device = await waiting(store)

    def refuse(_change: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "record", refuse)
        with pytest.raises(Unavailable):
            await keyring.rejections.reject(device, None)
    after_crash = await restarted(store, clock)
    with pytest.raises(Forbidden):
        admit(after_crash, store.fleet, shown, "gw-1")
    await after_crash.rejections.reject(device, "ana")
    assert store.fleet.find("gw-1") is None
    assert [each.rejected_by for each in after_crash.rejections.list_all()] == ["ana"]


async def test_a_device_that_an_operator_adds_is_let_in_whatever_was_before(
    store: Store, keyring: Keyring
) -> None:
    await keyring.rejections.reject(await waiting(store), None)
    key = new_key(DEVICE)
    device = await add_device(store, "gw-1", make="http", key_hash=hash_key(key))
    keyring.learn(device, hash_key(key))
    assert admit(keyring, store.fleet, find_gateway_key(keyring, key), "gw-1").device == device
    await keyring.close()
