"""The life of one device: what it sends, when, and why, as a pure function of a seed and of time.

Nothing here waits, reads a clock or opens a socket. A life is moved on with `live(at, seconds)`, and tells
what the device posts in that stretch. The same seed, index and calls give the same life, to the byte.

Times (`at`) are seconds since the start of the simulation. `pace` makes lives pass faster than the clock on
the wall: with a pace of 60 a battery that lasts ten hours is empty after ten minutes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from goip.simulator.battery import Battery
from goip.simulator.identities import make_phone_number
from goip.simulator.makes import Make, Model, choose_make, describe_brand, make_device_id
from goip.simulator.slots import LiveSlot, make_slots
from goip.simulator.texts import make_text

HEARTBEAT_PATH: Final = "/api/device/heartbeat"
SMS_PATH: Final = "/api/sms/receive"

Json = dict[str, Any]

_KEPT_BEATS = 50
_HOUR = 3600.0
_OUTAGES_PER_HOUR = 0.25
_POWER_CUTS_PER_HOUR = 0.1
_RESTARTS_PER_HOUR = 0.1
_BURST_CHANCE = 0.03
_REPEAT_CHANCE = 0.02


@dataclass(frozen=True, slots=True)
class Post:
    """One request that a device makes: at which moment, where to, with which body.

    `is_repeat` marks a message that is sent again because the device never saw the answer to the first.
    """

    at: float
    path: str
    body: Json | list[Json]
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Absence:
    """A time without contact. `keeps` tells an outage of the network, after which the device sends what it
    kept, from a loss of power, after which it starts again with counter 1."""

    until: float
    keeps: bool


@dataclass(frozen=True, slots=True)
class Fate:
    """What all lives of a fleet share."""

    seed: int
    started_at: datetime
    interval_seconds: float
    sms_per_second: float = 0.0
    make: str = "mixed"
    ports: int | None = None
    pace: float = 1.0


class Life:
    """One device of a fleet, told by its place in it."""

    def __init__(self, fate: Fate, index: int) -> None:
        self._fate = fate
        self.random = Random(f"{fate.seed}:{index}")  # noqa: S311 - a life, not a secret
        self.make: Make = choose_make(fate.make, self.random)
        self.device_id: str = make_device_id(self.make, fate.seed, index, self.random)
        self._model: Model = self.random.choice(self.make.models)
        self._firmware = self.random.choice(self._model.firmwares)
        self._name = f"{self._model.model} #{index + 1}"
        self._address = f"192.0.2.{1 + index % 254}"
        ports = fate.ports or self.random.choice(self._model.ports)
        self.slots: tuple[LiveSlot, ...] = make_slots(
            fate.seed, index, ports, self.make.first_slot, self.random
        )
        self._contacts = tuple(make_phone_number(self.random) for _ in range(6))
        self.battery: Battery | None = Battery(self.random) if self.make.has_battery else None
        self.counter = self.random.randrange(2_000)
        self.absence: Absence | None = None
        self._kept_beats: list[Json] = []
        self._kept_messages: list[Json] = []

    def live(self, at: float, seconds: float) -> list[Post]:
        """All that the device posts within `seconds` from `at` on, in order; its state moves on too."""
        self._age(seconds * self._fate.pace)
        if self.absence and at >= self.absence.until:
            self._come_back()
        if self.absence:
            self._keep(at, seconds)
            return []
        posts = self._send_kept(at)
        posts.append(Post(at, HEARTBEAT_PATH, self.make_heartbeat(at)))
        posts.extend(self._receive_messages(at, seconds))
        self._meet_fate(at, seconds)
        return sorted(posts, key=lambda post: post.at)

    def make_heartbeat(self, at: float) -> Json:
        """The next heartbeat, as the make writes it."""
        self.counter += 1
        slots = [slot.describe() for slot in self.slots]
        body: Json = {
            "deviceId": self.device_id,
            "name": self._name,
            "deviceStatus": "charging" if self.battery and self.battery.is_charging else "online",
            "signalStrength": max((slot.signal for slot in self.slots), default=0),
            "simSlots": json.dumps(slots, ensure_ascii=False) if self.make.sends_slots_as_text else slots,
            "deviceBrandInfo": describe_brand(self.make, self._model),
            "ipAddress": self._address,
            "firmware": self._firmware,
            "intervalSeconds": max(1, round(self._fate.interval_seconds)),
            "sentAt": self._write_time(at),
            "counter": self.counter,
        }
        if self.battery:
            body |= {"batteryLevel": self.battery.level, "charging": self.battery.is_charging}
        return body

    def _age(self, seconds: float) -> None:
        for slot in self.slots:
            slot.drift(seconds, self.random)
        if self.battery:
            self.battery.pass_time(seconds, self.random)

    def _meet_fate(self, at: float, seconds: float) -> None:
        """Maybe something happens to the device before its next beat."""
        hours = seconds * self._fate.pace / _HOUR
        if self.battery and self.battery.is_empty:
            self._begin_absence(at, self.random.uniform(15, 60) * 60, keeps=False)
        elif self.random.random() < _OUTAGES_PER_HOUR * hours:
            self._begin_absence(at, self.random.uniform(2, 20) * 60, keeps=True)
        elif self.random.random() < _POWER_CUTS_PER_HOUR * hours:
            self._begin_absence(at, self.random.uniform(3, 30) * 60, keeps=False)
        elif self.random.random() < _RESTARTS_PER_HOUR * hours:
            self.counter = 0

    def _begin_absence(self, at: float, seconds: float, *, keeps: bool) -> None:
        self.absence = Absence(at + seconds / self._fate.pace, keeps)

    def _come_back(self) -> None:
        if self.absence and not self.absence.keeps:
            self.counter = 0
            if self.battery:
                self.battery.revive(self.random)
        self.absence = None

    def _keep(self, at: float, seconds: float) -> None:
        """What happens during an outage is kept for later; without power nothing happens."""
        if self.absence and self.absence.keeps:
            self._kept_beats = [*self._kept_beats, self.make_heartbeat(at)][-_KEPT_BEATS:]
            self._kept_messages += [body for _, body in self._make_messages(at, seconds)]

    def _send_kept(self, at: float) -> list[Post]:
        posts = [Post(at, HEARTBEAT_PATH, self._kept_beats)] if self._kept_beats else []
        posts += [Post(at, SMS_PATH, body) for body in self._kept_messages]
        self._kept_beats, self._kept_messages = [], []
        return posts

    def _receive_messages(self, at: float, seconds: float) -> list[Post]:
        posts: list[Post] = []
        for moment, body in self._make_messages(at, seconds):
            posts.append(Post(moment, SMS_PATH, body))
            if self.random.random() < _REPEAT_CHANCE:
                posts.append(Post(moment + self.random.uniform(3, 10), SMS_PATH, body, is_repeat=True))
        return posts

    def _make_messages(self, at: float, seconds: float) -> list[tuple[float, Json]]:
        rate = self._fate.sms_per_second
        messages: list[tuple[float, Json]] = []
        moment = at + self.random.expovariate(rate) if rate > 0 else at + seconds
        while moment < at + seconds:
            messages.append((moment, self._make_message(moment)))
            if self.random.random() < _BURST_CHANCE:
                messages += self._make_burst(moment)
            moment += self.random.expovariate(rate)
        return messages

    def _make_burst(self, at: float) -> list[tuple[float, Json]]:
        moments = [at + 0.3 * (1 + number) for number in range(self.random.randrange(3, 13))]
        return [(moment, self._make_message(moment)) for moment in moments]

    def _make_message(self, at: float) -> Json:
        text = make_text(self.random, self._contacts)
        slot = self.random.choice(self.slots)
        body: Json = {
            "deviceId": self.device_id,
            "sender": text.sender,
            "message": text.message,
            "timestamp": self._write_time(at),
            "slotIndex": slot.index,
        }
        if slot.sim.phone_number:
            body["recipient"] = slot.sim.phone_number
        if self.make.gives_message_id:
            body["messageId"] = f"{self.random.getrandbits(64):016x}"
        if self.make.name == "phone":
            body["subscriptionId"] = slot.index + 1
        return body

    def _write_time(self, at: float) -> str | int:
        moment = self._fate.started_at + timedelta(seconds=at)
        if self.make.sends_epoch_times:
            return int(moment.timestamp() * 1000)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
