"""Who was turned away: an operator's no holds until an operator takes it back."""

from __future__ import annotations

from goip.clock import Clock
from goip.errors import Conflict, NotFound
from goip.models import Device
from goip.operations import RemoveDevice, TellReadmission
from goip.store import rejections as stored
from goip.store.rejections import Rejection
from goip.store.store import Store


class Rejections:
    """The devices that are not let in, in memory: the way in asks no database. Loaded by `open`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rejected: dict[str, Rejection] = {}

    async def open(self) -> None:
        """Load them; the store is open already."""
        async with self._store.reading() as connection:
            rejections = await stored.list_rejections(connection)
        self._rejected = {rejection.device_id: rejection for rejection in rejections}

    def __contains__(self, device_id: str) -> bool:
        return device_id in self._rejected

    def list_all(self) -> list[Rejection]:
        """All of them, the newest first."""
        return sorted(self._rejected.values(), key=lambda rejection: -rejection.rejected_at)

    async def reject(self, device: Device, rejected_by: str | None) -> Rejection:
        """Turn away a device that waits: it is forgotten, and refused from now on.

        It is refused before it is forgotten, so that it does not come back in between; whoever asks again after a
        failure half-way completes it. Raises Conflict for a device that does not wait, Unavailable.
        """
        if not device.is_pending:
            raise Conflict("this device does not wait to be adopted", code="not_pending")
        rejection = Rejection(
            device_id=device.device_id,
            make=device.make,
            name=device.name,
            ip_address=device.ip_address,
            first_seen_at=device.registered_at,
            rejected_at=self._clock(),
            rejected_by=rejected_by,
        )
        await self._store.transact(lambda connection: stored.put_rejection(connection, rejection))
        self._rejected[device.device_id] = rejection
        try:
            await self._store.record(RemoveDevice(device.device_id, is_rejection=True))
        except Conflict:  # somebody else adopted it meanwhile, and has the last word
            await self._drop(device.device_id)
            raise
        return rejection

    async def readmit(self, device_id: str) -> None:
        """Let it knock again. Raises NotFound for a device that was not turned away, Unavailable."""
        if device_id not in self._rejected:
            raise NotFound("this device was not turned away", code="unknown_rejection")
        await self._drop(device_id)
        await self._store.record(TellReadmission(device_id))

    async def _drop(self, device_id: str) -> None:
        await self._store.transact(lambda connection: stored.drop_rejection(connection, device_id))
        self._rejected.pop(device_id, None)
