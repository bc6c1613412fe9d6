"""What an operator does to a device: add, rename, adopt, remove."""

from __future__ import annotations

from dataclasses import dataclass

from goip.clock import to_iso
from goip.errors import Conflict, NotFound
from goip.models import Device, device_room
from goip.store.draft import Draft
from goip.store.statements import Write
from goip.store.store import Store
from goip.wire import device_json


@dataclass(frozen=True, slots=True)
class DeviceChanges:
    """What to change; None leaves it. An interval of 0 goes back to the device's own."""

    name: str | None = None
    interval_seconds: int | None = None
    is_adopted: bool = False


async def add_device(store: Store, device_id: str, *, name: str | None, make: str, key_hash: str) -> Device:
    """Register a device before its first heartbeat, with a key of its own. Raises Conflict for a known id."""
    return await store.record(AddDevice(device_id, name, make, key_hash))


async def change_device(store: Store, device_id: str, changes: DeviceChanges) -> Device:
    """Rename, adopt, set the interval. Raises NotFound."""
    return await store.record(ChangeDevice(device_id, changes))


async def remove_device(store: Store, device_id: str) -> Device:
    """Forget a device, its slots and its keys; its messages stay. Raises NotFound."""
    return await store.record(RemoveDevice(device_id))


class _DeviceChange:
    def repeat_keys(self) -> tuple[str, ...]:
        """An operator's change is no message."""
        return ()


@dataclass(frozen=True, slots=True)
class AddDevice(_DeviceChange):
    """A device that has not been heard from yet."""

    device_id: str
    name: str | None
    make: str
    key_hash: str

    def decide(self, draft: Draft) -> Device:
        """Register it, unless it is there."""
        if draft.find_device(self.device_id) is not None:
            raise Conflict(
                "a device of that id is there already", fields={"deviceId": ["Already registered."]}
            )
        at = draft.at
        device = Device(
            pk=draft.next_pk(),
            device_id=self.device_id,
            registered_at=at,
            name=self.name,
            make=self.make,
            status_reason="waits for its first heartbeat",
            status_since=at,
        )
        draft.write(Write.KEY, ("device", self.key_hash, self.device_id, device.pk, "", at))
        return _tell(draft, device)


@dataclass(frozen=True, slots=True)
class ChangeDevice(_DeviceChange):
    """New values from an operator."""

    device_id: str
    changes: DeviceChanges

    def decide(self, draft: Draft) -> Device:
        """Apply them."""
        device = _get(draft, self.device_id)
        changes = self.changes
        if changes.name is not None:
            device = device._replace(name=changes.name or None)
        if changes.interval_seconds is not None:
            device = device._replace(set_interval_seconds=changes.interval_seconds or None)
        if changes.is_adopted:
            device = device._replace(is_pending=False)
        return _tell(draft, device)


@dataclass(frozen=True, slots=True)
class RemoveDevice(_DeviceChange):
    """The end of a device."""

    device_id: str

    def decide(self, draft: Draft) -> Device:
        """Remove it, and tell."""
        device = _get(draft, self.device_id)
        draft.remove_device(device)
        told = {"deviceId": self.device_id, "at": to_iso(draft.at)}
        draft.fact("device-removed", told, device_room(self.device_id))
        return device


def _get(draft: Draft, device_id: str) -> Device:
    device = draft.find_device(device_id)
    if device is None:
        raise NotFound("Device not found", code="unknown_device")
    return device


def _tell(draft: Draft, device: Device) -> Device:
    """Store the device and tell of it, as a fact and as its newest state."""
    device = device._replace(seq=draft.next_seq())
    draft.put_device(device)
    draft.fact("device-updated", device_json(device), device_room(device.device_id))
    return device
