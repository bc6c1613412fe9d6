"""Every key that gateways and scripts may show, in memory: the hot path asks no database."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import string
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from goip.auth.principals import Permission, Principal
from goip.auth.rejections import Rejections
from goip.clock import Clock
from goip.config import Config
from goip.errors import Conflict, NotFound, StartupError, Unauthorized
from goip.models import Device
from goip.store import keys as stored
from goip.store.keys import FirstUse, Key
from goip.store.store import Store

log = structlog.get_logger(__name__)

DEVICE = "goip_dk_"
ENROLLMENT = "goip_en_"
API = "goip_at_"

_ALPHABET = string.ascii_letters + string.digits
_N_CHARACTERS = 32
_CONFIGURED = "GOIP_ENROLLMENT_KEY"
_SHORTEST_CONFIGURED = 8
_LOOK_BACK_MS = 60_000
"""How far back `catch_up` looks again: a transaction may take this long from its time to its commit."""


def new_key(prefix: str) -> str:
    """A random key of 190 bits: letters and digits only, so that it fits any path, form or config file."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_N_CHARACTERS))


def hash_key(key_text: str) -> str:
    """What is stored of a key: its SHA-256, in hex."""
    return hashlib.sha256(key_text.encode("utf-8", "surrogatepass")).hexdigest()


class Keyring:
    """The keys that are good, by their hashes: loaded by `open`, then kept right by what changes them here.

    `rejections` are the devices that no enrolment key lets in.
    What another process changes (`goip token …`) is seen by the next `catch_up`.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._of_device: dict[int, tuple[str, ...]] = {}
        self._leaving: set[str] = set()
        self.rejections = Rejections(store, clock)
        self._listeners: list[Callable[[Key], None]] = []
        self._caught_up_at = 0
        self._n_forgotten = 0
        self._unstored_uses: dict[str, FirstUse] = {}
        self._storing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load every key; the store is open already."""
        self._caught_up_at = self._clock()
        async with self._store.reading() as connection:
            keys = await stored.list_keys(connection)
        for key in keys:
            self._put(key)
        await self.rejections.open()

    async def close(self) -> None:
        """Wait until the first uses are stored, before the store is closed."""
        if self._storing is not None:
            await self._storing

    def add_listener(self, listener: Callable[[Key], None]) -> None:
        """Call `listener` with every key that stops being good, but for those that expire."""
        self._listeners.append(listener)

    async def catch_up(self) -> None:
        """Take over what other processes added and revoked since the last time, every few seconds."""
        now = self._clock()
        self.forget([key for each in self._leaving if _has_ended(key := self._keys[each], now)])
        n_forgotten = -1
        while n_forgotten != self._n_forgotten:  # or a key revoked while this reads would come back
            n_forgotten = self._n_forgotten
            async with self._store.reading() as connection:
                changed = await stored.list_changed_keys(connection, self._caught_up_at - _LOOK_BACK_MS)
        self._caught_up_at = now
        for key in changed:
            known = self._keys.get(key.hash)
            if key.revoked_at is not None:
                self.forget([key])
            elif known is None:
                self._put(key)
        if self._unstored_uses:
            self._store_uses()

    def find(self, key_text: str) -> Key | None:
        """The key that was shown, None when it is unknown, revoked or expired."""
        key = self._keys.get(hash_key(key_text))
        return None if key is None or _has_ended(key, self._clock()) else key

    def has_used_own_key(self, device_pk: int) -> bool:
        """True once the device has shown a key of its own that is still good."""
        now = self._clock()
        keys = [self._keys[key_hash] for key_hash in self._of_device.get(device_pk, ())]
        return any(key.first_used_at is not None and not _has_ended(key, now) for key in keys)

    def has_enrollment_key(self) -> bool:
        """True when an unknown device could register now."""
        now = self._clock()
        return any(key.kind == "enrollment" and not _has_ended(key, now) for key in self._keys.values())

    async def list_keys(self, kind: str) -> list[Key]:
        """The keys of that kind (device, enrollment, api) that are not revoked, oldest first."""
        async with self._store.reading() as connection:
            return await stored.list_keys(connection, kind=kind)

    def keys_of(self, device: Device) -> list[Key]:
        """The device's own keys that are good, oldest first."""
        now = self._clock()
        keys = (self._keys[key_hash] for key_hash in self._of_device.get(device.pk, ()))
        return [key for key in keys if not _has_ended(key, now)]

    def learn(self, device: Device, key_hash: str) -> Key:
        """The device's key was committed together with the device: it is good from now on.

        Its id is 0 until the next start; nothing here goes by it.
        """
        now = self._clock()
        key = Key(
            id=0,
            kind="device",
            hash=key_hash,
            name=device.device_id,
            device_pk=device.pk,
            user_id=None,
            scopes=frozenset(),
            created_at=now,
            expires_at=None,
            first_used_at=None,
            revoked_at=None,
        )
        self._put(key)
        return key

    def note_used(self, key: Key) -> None:
        """The key was shown. The first time is remembered at once and stored soon, whatever becomes of it.

        A device that uses its new key needs the old ones no more: they end with that.
        """
        known = self._keys.get(key.hash)
        if known is None or known.first_used_at is not None:
            return
        now = self._clock()
        self._keys[key.hash] = replace(known, first_used_at=now)
        leaving = self._leaving_beside(known)
        self._unstored_uses[key.hash] = FirstUse(now, ends_others=bool(leaving))
        self.forget(leaving)
        self._store_uses()

    async def ensure_enrollment_key(self, config: Config) -> str | None:
        """Take the configured enrolment key; or make one at the first start, returned to be shown once.

        Raises StartupError for a configured key that cannot serve.
        """
        if config.enrollment_key:
            await self._take_configured(config.enrollment_key)
            return None
        async with self._store.reading() as connection:
            if await stored.has_had_keys(connection, "enrollment"):
                return None
        return await self.add_enrollment_key("made at the first start")

    async def add_enrollment_key(self, name: str) -> str:
        """One more enrolment key; returned in the clear, this once."""
        _, key_text = await self._add(ENROLLMENT, kind="enrollment", name=name)
        return key_text

    async def add_api_token(
        self, name: str, scopes: Iterable[str], expires_at: int | None, user_id: int | None
    ) -> tuple[Key, str]:
        """A token for a script, and what to show for it, in the clear, this once.

        The scopes are `value`s of permissions; `expires_at` is ms since the epoch; `user_id` is whose token
        it is, and with whom it ends.
        """
        text = " ".join(sorted({Permission(scope).value for scope in scopes}))
        return await self._add(
            API, kind="api", name=name, scopes=text, expires_at=expires_at, user_id=user_id
        )

    async def rotate_device_key(self, device: Device, overlap_seconds: int = 0) -> str:
        """A new key for the device, returned in the clear, this once.

        The old ones are good until the new one is used, and for `overlap_seconds` at most.
        """
        key_text, at = new_key(DEVICE), self._clock()
        columns = {"kind": "device", "name": device.device_id, "device_pk": device.pk}

        async def work(connection: AsyncConnection) -> tuple[list[Key], Key]:
            if overlap_seconds:
                until = at + overlap_seconds * 1000
                replaced = await stored.end_device_keys(connection, device.pk, until)
            else:
                replaced = await stored.revoke_keys(connection, at=at, device_pk=device.pk)
            return replaced, await stored.add_key(
                connection, hash=hash_key(key_text), created_at=at, **columns
            )

        replaced, added = await self._store.transact(work)
        self._put(added)
        if overlap_seconds:
            for key in replaced:
                self._end(key)
        else:
            self.forget(replaced)
        return key_text

    async def revoke_device(self, device_pk: int) -> None:
        """No key of this device is good any more."""
        await self._revoke(device_pk=device_pk)

    async def revoke_key(self, key_id: int, kind: str) -> Key:
        """Revoke one key; raises NotFound when there is none of that id and kind."""
        revoked = await self._revoke(key_id=key_id, kind=kind)
        if not revoked:
            raise NotFound("no such key", code="unknown_key")
        return revoked[0]

    def forget_device(self, device_pk: int) -> None:
        """The device was removed, and the database removed its keys with it."""
        self.forget([self._keys[key_hash] for key_hash in self._of_device.get(device_pk, ())])

    def forget(self, keys: Iterable[Key]) -> None:
        """These keys were revoked, and that is committed: they are good no more, and the listeners know."""
        for key in keys:
            if self._keys.pop(key.hash, None) is None:
                continue
            self._n_forgotten += 1
            self._leaving.discard(key.hash)
            self._unstored_uses.pop(key.hash, None)
            if key.device_pk is not None:
                self._unlink(key.device_pk, key.hash)
            self._tell(key)

    def authenticate_script(self, token: str) -> Principal:
        """Who shows this API token; raises Unauthorized when it is not good."""
        key = self.find(token)
        if key is None or key.kind != "api":
            raise Unauthorized("the API token is not known, or not good any more", code="invalid_token")
        if key.first_used_at is None:
            self.note_used(key)
        permissions = frozenset(permission for permission in Permission if permission.value in key.scopes)
        return Principal(
            kind="script",
            permissions=permissions,
            user_id=key.user_id,
            key_id=key.id,
            key_hash=key.hash,
            expires_at=key.expires_at,
        )

    async def _take_configured(self, key_text: str) -> None:
        if len(key_text) < _SHORTEST_CONFIGURED or any(character.isspace() for character in key_text):
            raise StartupError(
                f"{_CONFIGURED} must have at least {_SHORTEST_CONFIGURED} characters and no spaces"
            )
        key_hash, at = hash_key(key_text), self._clock()

        async def work(connection: AsyncConnection) -> list[Key]:
            await stored.set_enrollment_key(connection, name=_CONFIGURED, key_hash=key_hash, at=at)
            return await stored.list_keys(connection, kind="enrollment")

        try:
            good = await self._store.transact(work)
        except Conflict as error:
            raise StartupError(f"{_CONFIGURED} is in use as another key: choose a new one") from error
        hashes = {key.hash for key in good}
        known = [key for key in self._keys.values() if key.kind == "enrollment"]
        self.forget(key for key in known if key.hash not in hashes)
        for key in good:
            self._put(key)

    async def _add(self, prefix: str, **columns: object) -> tuple[Key, str]:
        key_text, at = new_key(prefix), self._clock()
        added = await self._store.transact(
            lambda connection: stored.add_key(connection, hash=hash_key(key_text), created_at=at, **columns)
        )
        self._put(added)
        return added, key_text

    async def _revoke(
        self, *, key_id: int | None = None, device_pk: int | None = None, kind: str | None = None
    ) -> list[Key]:
        at = self._clock()
        revoked = await self._store.transact(
            lambda connection: stored.revoke_keys(
                connection, at=at, key_id=key_id, device_pk=device_pk, kind=kind
            )
        )
        self.forget(revoked)
        return revoked

    def _put(self, key: Key) -> None:
        if key.device_pk is not None and key.hash not in self._keys:
            self._of_device[key.device_pk] = (*self._of_device.get(key.device_pk, ()), key.hash)
        if key.device_pk is not None and key.expires_at is not None:
            self._leaving.add(key.hash)
        self._keys[key.hash] = key

    def _end(self, key: Key) -> None:
        """The key has an end now. When it was used first is known here before it is on disk."""
        known = self._keys.get(key.hash)
        if known is not None:
            self._put(replace(known, expires_at=key.expires_at))

    def _leaving_beside(self, key: Key) -> list[Key]:
        """The keys of the same device that have an end, where this one has none."""
        if key.device_pk is None or key.hash in self._leaving:
            return []
        hashes = self._of_device.get(key.device_pk, ())
        return [self._keys[key_hash] for key_hash in hashes if key_hash in self._leaving]

    def _unlink(self, device_pk: int, key_hash: str) -> None:
        left = tuple(other for other in self._of_device[device_pk] if other != key_hash)
        if left:
            self._of_device[device_pk] = left
        else:
            del self._of_device[device_pk]

    def _tell(self, key: Key) -> None:
        for listener in self._listeners:
            try:
                listener(key)
            except Exception:
                log.exception("keyring.listener", key_id=key.id)

    def _store_uses(self) -> None:
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_all_uses(), name="key-uses")

    async def _store_all_uses(self) -> None:
        """One transaction for all that came while the last one ran: a whole fleet may enrol at once."""
        while self._unstored_uses:
            uses, self._unstored_uses = self._unstored_uses, {}
            try:
                await self._store.transact(partial(stored.note_first_uses, uses=uses))
            except Exception as error:  # kept for the next try: nobody waits for this
                self._unstored_uses = {**uses, **self._unstored_uses}
                log.warning("keyring.first_use_not_stored", n_keys=len(uses), error=repr(error))
                return


def _has_ended(key: Key, now: int) -> bool:
    return key.expires_at is not None and now >= key.expires_at
