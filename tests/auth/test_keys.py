"""Keys: found in memory, kept in the database, and never in the clear."""

import asyncio
import re
from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.auth.keys import API, DEVICE, Keyring, hash_key, new_key
from goip.auth.principals import Permission
from goip.config import Config
from goip.errors import NotFound, StartupError, Unauthorized, Unavailable
from goip.models import Device
from goip.operations import add_device, remove_device
from goip.store import keys as stored
from goip.store import tables as t
from goip.store.keys import Key
from goip.store.store import Store
from tests.conftest import FakeClock


async def restarted(store: Store, clock: FakeClock) -> Keyring:
    keyring = Keyring(store, clock)
    await keyring.open()
    return keyring


async def new_device(store: Store, keyring: Keyring, device_id: str = "gw-1") -> tuple[Device, str]:
    key = new_key(DEVICE)
    device = await add_device(store, device_id, make="http", key_hash=hash_key(key))
    keyring.learn(device, hash_key(key))
    return device, key


def test_a_key_says_what_it_is_and_fits_everywhere() -> None:
    keys = {new_key(DEVICE) for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch(r"goip_dk_[A-Za-z0-9]{32}", key) for key in keys)


@pytest.mark.parametrize("shown", ["", "nothing", "goip_dk_" + "x" * 32, "\ud800", "x" * 100_000])
async def test_what_is_no_key_of_ours_is_not_found(keyring: Keyring, shown: str) -> None:
    assert keyring.find(shown) is None


async def test_the_database_never_holds_a_key(store: Store, keyring: Keyring) -> None:
    key = await keyring.add_enrollment_key("for the north")
    async with store.reading() as connection:
        rows = (await connection.execute(select(t.keys))).all()
    assert key not in repr(rows)
    assert [row.hash for row in rows] == [hash_key(key)]


async def test_a_key_is_good_at_once_and_over_a_restart(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    key = await keyring.add_enrollment_key("for the north")
    for each in (keyring, await restarted(store, clock)):
        found = each.find(key)
        assert found is not None
        assert (found.kind, found.name) == ("enrollment", "for the north")
        assert each.has_enrollment_key()


async def test_a_key_that_was_committed_with_its_device_is_good_at_once(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    device, key = await new_device(store, keyring)
    learned = keyring.find(key)
    assert learned is not None
    assert (learned.kind, learned.device_pk, learned.id) == ("device", device.pk, 0)
    await keyring.catch_up()
    after_restart = (await restarted(store, clock)).find(key)
    assert after_restart is not None
    assert keyring.find(key) == replace(after_restart, id=0)


async def test_the_first_use_is_noted_once_and_kept(store: Store, keyring: Keyring, clock: FakeClock) -> None:
    device, key = await new_device(store, keyring)
    first_used_at = clock()
    assert not keyring.has_used_own_key(device.pk)
    for _ in range(3):
        found = keyring.find(key)
        assert found is not None
        keyring.note_used(found)
        clock.advance(1)
    assert keyring.has_used_own_key(device.pk)
    await keyring.catch_up()
    await keyring.close()
    after_restart = (await restarted(store, clock)).find(key)
    assert after_restart is not None
    assert after_restart.first_used_at == first_used_at
    assert keyring.find(key) == replace(after_restart, id=0)


async def test_the_first_uses_of_a_fleet_share_transactions(
    store: Store, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = [await new_device(store, keyring, f"gw-{n}") for n in range(50)]
    n_transactions = 0
    transact = store.transact

    def counting(work):
        nonlocal n_transactions
        n_transactions += 1
        return transact(work)

    monkeypatch.setattr(store, "transact", counting)
    for _, key in fleet:
        found = keyring.find(key)
        assert found is not None
        keyring.note_used(found)
    await keyring.close()
    assert n_transactions == 1
    async with store.reading() as connection:
        assert all(key.first_used_at is not None for key in await stored.list_keys(connection))


async def test_a_first_use_that_cannot_be_stored_is_stored_later(
    store: Store, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, key = await new_device(store, keyring)
    found = keyring.find(key)
    assert found is not None

    def refuse(_work: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "transact", refuse)
        keyring.note_used(found)
        await keyring.close()
    assert keyring.has_used_own_key(device.pk)
    await keyring.catch_up()
    await keyring.close()
    async with store.reading() as connection:
        (kept,) = await stored.list_keys(connection)
    assert kept.first_used_at is not None


async def test_a_rotated_key_replaces_the_old_one(store: Store, keyring: Keyring, clock: FakeClock) -> None:
    told: list[Key] = []
    device, old = await new_device(store, keyring)
    found = keyring.find(old)
    assert found is not None
    keyring.note_used(found)
    keyring.add_listener(told.append)
    new = await keyring.rotate_device_key(device)
    await keyring.close()
    for each in (keyring, await restarted(store, clock)):
        assert each.find(old) is None
        assert each.find(new) is not None
        assert not each.has_used_own_key(device.pk)
    assert [key.hash for key in told] == [hash_key(old)]


async def test_a_device_can_lose_its_keys(store: Store, keyring: Keyring, clock: FakeClock) -> None:
    told: list[Key] = []
    keyring.add_listener(told.append)
    device, key = await new_device(store, keyring)
    _, other = await new_device(store, keyring, "gw-2")
    await keyring.revoke_device(device.pk)
    for each in (keyring, await restarted(store, clock)):
        assert each.find(key) is None
        assert each.find(other) is not None
    assert [key.device_pk for key in told] == [device.pk]


async def test_a_removed_device_takes_its_keys_along(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    device, key = await new_device(store, keyring)
    await remove_device(store, "gw-1")
    keyring.forget_device(device.pk)
    await keyring.catch_up()
    assert keyring.find(key) is None
    assert (await restarted(store, clock)).find(key) is None


async def test_an_api_token_grants_its_scopes_and_no_more(keyring: Keyring) -> None:
    key, token = await keyring.add_api_token("backup script", ["read", "operate", "read"], None, None)
    assert token.startswith(API)
    principal = keyring.authenticate_script(token)
    assert (principal.kind, principal.key_id, principal.key_hash) == ("script", key.id, hash_key(token))
    assert principal.permissions == {Permission.READ, Permission.OPERATE}
    await keyring.close()


async def test_an_api_token_ends_at_its_time(keyring: Keyring, clock: FakeClock) -> None:
    _, token = await keyring.add_api_token("for a day", ["read"], clock() + 86_400_000, None)
    clock.advance(86_399)
    assert keyring.authenticate_script(token).expires_at == clock() + 1000
    clock.advance(1)
    with pytest.raises(Unauthorized):
        keyring.authenticate_script(token)
    await keyring.close()


async def test_a_device_key_is_no_api_token(store: Store, keyring: Keyring) -> None:
    _, key = await new_device(store, keyring)
    with pytest.raises(Unauthorized):
        keyring.authenticate_script(key)


async def test_a_scope_that_is_not_known_is_refused(keyring: Keyring) -> None:
    with pytest.raises(ValueError, match="everything"):
        await keyring.add_api_token("too much", ["everything"], None, None)


async def test_a_key_is_revoked_by_its_id_and_kind(keyring: Keyring) -> None:
    key, token = await keyring.add_api_token("backup script", ["read"], None, None)
    with pytest.raises(NotFound):
        await keyring.revoke_key(key.id, "device")
    with pytest.raises(NotFound):
        await keyring.revoke_key(key.id + 1, "api")
    assert (await keyring.revoke_key(key.id, "api")).hash == key.hash
    assert keyring.find(token) is None
    with pytest.raises(NotFound):
        await keyring.revoke_key(key.id, "api")


async def test_what_another_process_does_is_seen_when_catching_up(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    clock.advance(3600)
    beside = await restarted(store, clock)
    key, token = await beside.add_api_token("from the command line", ["read"], None, None)
    assert keyring.find(token) is None
    await keyring.catch_up()
    assert keyring.find(token) is not None
    told: list[Key] = []
    keyring.add_listener(told.append)
    clock.advance(5)
    await beside.revoke_key(key.id, "api")
    await keyring.catch_up()
    await keyring.catch_up()
    assert keyring.find(token) is None
    assert len(told) == 1


async def test_a_key_that_is_revoked_while_catching_up_stays_revoked(
    store: Store, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, token = await keyring.add_api_token("backup script", ["read"], None, None)
    list_changed, n_reads = stored.list_changed_keys, 0

    async def read_slowly(connection: AsyncConnection, since: int) -> list[Key]:
        nonlocal n_reads
        n_reads += 1
        changed = await list_changed(connection, since)
        if n_reads == 1:
            await keyring.revoke_key(key.id, "api")
        return changed

    monkeypatch.setattr(stored, "list_changed_keys", read_slowly)
    await keyring.catch_up()
    assert keyring.find(token) is None


async def test_the_first_start_makes_an_enrolment_key_and_tells_it_once(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    made = await keyring.ensure_enrollment_key(Config())
    assert made is not None
    assert keyring.find(made) is not None
    assert await keyring.ensure_enrollment_key(Config()) is None
    (key,) = await keyring.list_keys("enrollment")
    await keyring.revoke_key(key.id, "enrollment")
    assert await (await restarted(store, clock)).ensure_enrollment_key(Config()) is None
    assert not keyring.has_enrollment_key()


async def test_a_configured_enrolment_key_replaces_the_one_configured_before(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    added = await keyring.add_enrollment_key("for the north")
    for configured in ("first-key", "second-key", "first-key", "first-key"):
        keyring = await restarted(store, clock)
        assert await keyring.ensure_enrollment_key(Config(enrollment_key=configured)) is None
        good = {key for key in ("first-key", "second-key", added) if keyring.find(key)}
        assert good == {configured, added}
        clock.advance(60)


@pytest.mark.parametrize("configured", ["short", "with a space", "line\nbreak"])
async def test_an_enrolment_key_that_cannot_serve_stops_the_start(keyring: Keyring, configured: str) -> None:
    with pytest.raises(StartupError, match="GOIP_ENROLLMENT_KEY must have"):
        await keyring.ensure_enrollment_key(Config(enrollment_key=configured))


async def test_an_enrolment_key_that_is_another_key_stops_the_start(keyring: Keyring) -> None:
    _, token = await keyring.add_api_token("backup script", ["read"], None, None)
    with pytest.raises(StartupError, match="in use as another key"):
        await keyring.ensure_enrollment_key(Config(enrollment_key=token))


async def test_an_expired_enrolment_key_opens_nothing(store: Store, clock: FakeClock) -> None:
    keyring = await restarted(store, clock)
    key = await keyring.add_enrollment_key("for a while")
    at = clock() + 1000
    await store.transact(lambda connection: connection.execute(update(t.keys).values(expires_at=at)))
    keyring = await restarted(store, clock)
    assert keyring.has_enrollment_key()
    clock.advance(1)
    assert keyring.find(key) is None
    assert not keyring.has_enrollment_key()


async def test_finding_a_key_among_many_takes_no_time(store: Store, keyring: Keyring) -> None:
    for pk in range(20_000):
        keyring.learn(Device(pk, f"gw-{pk}", 0), hash_key(f"key-{pk}"))
    loop = asyncio.get_running_loop()
    started = loop.time()
    for pk in range(20_000):
        assert keyring.find(f"key-{pk}") is not None
    assert loop.time() - started < 1
