"""What an operator does to a device: add, set, adopt, reject, remove."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from msgspec.structs import replace

from goip.clock import to_iso
from goip.errors import Conflict, InvalidPayload, NotFound
from goip.ingest import join_box, tell_device
from goip.models import Device, device_room
from goip.store.draft import Draft
from goip.store.statements import Write
from goip.store.store import Store


class Settings(TypedDict, total=False):
    """What an operator says of a device. What is not named stays; None goes back to what the device says."""

    name: str | None
    parent: str | None
    time_zone: str | None
    set_interval_seconds: int | None


async def add_device(
    store: Store, device_id: str, *, make: str, key_hash: str, settings: Settings | None = None
) -> Device:
    """Register a device before its first heartbeat, with a key of its own.

    Raises Conflict for a known id, InvalidPayload for a parent that cannot be.
    """
    return await store.record(AddDevice(device_id, make, key_hash, settings or {}))


async def change_device(store: Store, device_id: str, settings: Settings) -> Device:
    """Apply the settings. Raises NotFound, InvalidPayload for a parent that cannot be."""
    return await store.record(ChangeDevice(device_id, settings))


async def adopt_device(store: Store, device_id: str, settings: Settings | None = None) -> Device:
    """Let a waiting device in, with settings; it joins the other lines of its box where they name no parent.

    Raises NotFound, InvalidPayload for a parent that cannot be.
    """
    return await store.record(ChangeDevice(device_id, settings or {}, is_adopted=True))


async def remove_device(store: Store, device_id: str) -> Device:
    """Forget a device, its slots and its keys; its messages stay, its lines are free. Raises NotFound."""
    return await store.record(RemoveDevice(device_id))


class _DeviceChange:
    def repeat_keys(self) -> tuple[str, ...]:
        """An operator's change is no message."""
        return ()


@dataclass(frozen=True, slots=True)
class AddDevice(_DeviceChange):
    """A device that has not been heard from yet."""

    device_id: str
    make: str
    key_hash: str
    settings: Settings = field(default_factory=Settings)

    def decide(self, draft: Draft) -> Device:
        """Register it, unless it is there."""
        if draft.find_device(self.device_id) is not None:
            raise Conflict(
                "a device of that id is there already", fields={"deviceId": ["Already registered."]}
            )
        check_parent(draft, self.device_id, self.settings)
        at = draft.at
        device = Device(
            pk=draft.next_pk(),
            device_id=self.device_id,
            registered_at=at,
            make=self.make,
            status_reason="waits for its first heartbeat",
            status_since=at,
            **self.settings,
        )
        draft.write(Write.KEY, ("device", self.key_hash, self.device_id, device.pk, "", at))
        return tell_device(draft, device)


@dataclass(frozen=True, slots=True)
class ChangeDevice(_DeviceChange):
    """New values from an operator."""

    device_id: str
    settings: Settings
    is_adopted: bool = False

    def decide(self, draft: Draft) -> Device:
        """Apply them."""
        device = _get(draft, self.device_id)
        check_parent(draft, self.device_id, self.settings)
        changed = replace(device, **self.settings)
        if not self.is_adopted:
            return tell_device(draft, changed)
        adopted = tell_device(draft, replace(changed, is_pending=False))
        is_news = device.is_pending and "parent" not in self.settings
        return join_box(draft, adopted, draft.at) if is_news else adopted


@dataclass(frozen=True, slots=True)
class RemoveDevice(_DeviceChange):
    """The end of a device."""

    device_id: str
    is_rejection: bool = False

    def decide(self, draft: Draft) -> Device:
        """Remove it, free its lines, and tell. Raises NotFound, and Conflict where no waiting device is rejected."""
        device = _get(draft, self.device_id)
        if self.is_rejection and not device.is_pending:
            raise Conflict("this device does not wait to be adopted", code="not_pending")
        for line in draft.lines_of(self.device_id):
            tell_device(draft, replace(line, parent=None))
        draft.remove_device(device)
        told = {"deviceId": self.device_id, "isRejected": self.is_rejection, "at": to_iso(draft.at)}
        draft.fact("device-removed", told, device_room(self.device_id))
        return device


@dataclass(frozen=True, slots=True)
class TellReadmission(_DeviceChange):
    """A device that was turned away may knock again."""

    device_id: str

    def decide(self, draft: Draft) -> None:
        """Tell; nothing about a device changes."""
        told = {"deviceId": self.device_id, "at": to_iso(draft.at)}
        draft.fact("device-readmitted", told, device_room(self.device_id))


def check_parent(draft: Draft, device_id: str, settings: Settings) -> None:
    """Raises InvalidPayload, naming the field, for a parent that cannot be: boxes stand one level above lines."""
    parent_id = settings.get("parent")
    if parent_id is None:
        return
    parent = draft.find_device(parent_id)
    problem = None
    if parent_id == device_id:
        problem = "Must not be the device itself."
    elif parent is None:
        problem = "Must be a device that is there."
    elif parent.parent is not None:
        problem = f"Must not be a line itself: it is one of {parent.parent}."
    elif draft.lines_of(device_id):
        problem = "Must be empty: this device has lines of its own."
    if problem is not None:
        raise InvalidPayload(f"parent: {problem}", fields={"parent": [problem]})


def _get(draft: Draft, device_id: str) -> Device:
    device = draft.find_device(device_id)
    if device is None:
        raise NotFound("Device not found", code="unknown_device")
    return device
