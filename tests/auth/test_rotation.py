"""Keys that are replaced: good beside the new one for a while, and never for longer."""

from __future__ import annotations

import pytest

from goip.auth.keys import Keyring, hash_key
from goip.errors import Unavailable
from goip.store.keys import Key
from goip.store.store import Store
from tests.auth.test_keys import new_device, restarted
from tests.conftest import FakeClock


def found(keyring: Keyring, key_text: str) -> Key:
    key = keyring.find(key_text)
    assert key is not None
    return key


async def test_an_old_key_is_good_until_the_new_one_is_used(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    told: list[Key] = []
    keyring.add_listener(told.append)
    device, old = await new_device(store, keyring)
    keyring.note_used(found(keyring, old))
    new = await keyring.rotate_device_key(device, overlap_seconds=3600)
    await keyring.close()
    for each in (keyring, await restarted(store, clock)):
        assert each.has_used_own_key(device.pk)
        assert [key.expires_at for key in each.keys_of(device)] == [clock() + 3_600_000, None]
        assert found(each, old).first_used_at is not None
        assert found(each, new).first_used_at is None
    keyring.note_used(found(keyring, old))
    assert found(keyring, old)
    clock.advance(60)
    keyring.note_used(found(keyring, new))
    assert keyring.find(old) is None
    assert [key.hash for key in told] == [hash_key(old)]
    await keyring.close()
    after_restart = await restarted(store, clock)
    assert after_restart.find(old) is None
    assert [key.hash for key in after_restart.keys_of(device)] == [hash_key(new)]


async def test_an_old_key_ends_with_its_overlap(store: Store, keyring: Keyring, clock: FakeClock) -> None:
    told: list[Key] = []
    keyring.add_listener(told.append)
    device, old = await new_device(store, keyring)
    keyring.note_used(found(keyring, old))
    new = await keyring.rotate_device_key(device, overlap_seconds=3600)
    clock.advance(3599.999)
    await keyring.catch_up()
    assert found(keyring, old)
    clock.advance(0.001)
    assert keyring.find(old) is None
    assert not keyring.has_used_own_key(device.pk)
    assert told == []
    await keyring.catch_up()  # what was opened with it closes now
    assert [key.hash for key in told] == [hash_key(old)]
    assert keyring.keys_of(device) == [found(keyring, new)]
    await keyring.close()


async def test_a_second_rotation_leaves_the_first_end_where_it_is(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    device, first = await new_device(store, keyring)
    second = await keyring.rotate_device_key(device, overlap_seconds=60)
    clock.advance(30)
    third = await keyring.rotate_device_key(device, overlap_seconds=600)
    keyring.note_used(found(keyring, second))
    assert found(keyring, first)
    assert found(keyring, third)
    clock.advance(30)
    assert [bool(keyring.find(key)) for key in (first, second, third)] == [False, True, True]
    keyring.note_used(found(keyring, third))
    assert [bool(keyring.find(key)) for key in (first, second, third)] == [False, False, True]
    await keyring.close()


async def test_revoking_ends_old_and_new_keys_at_once(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    device, old = await new_device(store, keyring)
    new = await keyring.rotate_device_key(device, overlap_seconds=3600)
    await keyring.revoke_device(device.pk)
    for each in (keyring, await restarted(store, clock)):
        assert (each.find(old), each.find(new), each.keys_of(device)) == (None, None, [])


async def test_a_rotation_without_overlap_after_one_with_it_leaves_the_newest_alone(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    device, old = await new_device(store, keyring)
    middle = await keyring.rotate_device_key(device, overlap_seconds=3600)
    new = await keyring.rotate_device_key(device)
    for each in (keyring, await restarted(store, clock)):
        assert [bool(each.find(key)) for key in (old, middle, new)] == [False, False, True]


async def test_a_first_use_that_was_not_stored_leaves_the_old_key_its_end(
    store: Store, keyring: Keyring, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, old = await new_device(store, keyring)
    new = await keyring.rotate_device_key(device, overlap_seconds=3600)

    def refuse(_work: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "transact", refuse)
        keyring.note_used(found(keyring, new))
        await keyring.close()
    assert keyring.find(old) is None
    crashed = await restarted(store, clock)
    assert found(crashed, old)  # the end of the overlap still holds
    await keyring.catch_up()
    await keyring.close()
    assert (await restarted(store, clock)).find(old) is None
