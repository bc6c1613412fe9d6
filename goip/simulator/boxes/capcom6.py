"""Phones with "SMS Gateway for Android" (capcom6): webhooks, each of them signed at the moment it is sent.

What is not answered by 2xx comes again after 10 s, then after twice as long each time, fourteen times. A repeat has
the same `id` and body, and a stamp and signature of its own. The key to sign with is the one in the address.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any, Final

from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.messages import Message
from goip.simulator.boxes.phone import Phone, write_json
from goip.simulator.boxes.posting import MakeRequest, Poster, Request, Schedule
from goip.simulator.slots import LiveSlot

SCHEDULE: Final = Schedule(first_seconds=10, factor=2, repeats=14)
_USER_AGENT = "me.capcom.smsgateway/1.56.0"
_SAME_AGAIN_CHANCE = 0.08
_FAILURE_CHANCE = 0.2
_WIFI, _CELLULAR = 4, 2
_ON_MAINS, _ON_USB = 2, 4


class Capcom6Phone(Phone):
    """One phone with a webhook for each kind of event, all of them to one address."""

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.device_id = f"ffffffff{self.random.getrandbits(96):024x}"
        self._webhooks: dict[str, str] = {}
        self._poster = Poster(fleet, SCHEDULE)
        self._last: Message | None = None

    async def switch_on(self) -> None:
        """The app says that it is there, and what cards it has."""
        cards = [self.describe_card(slot) for slot in self.slots]
        self._tell("app:started", {"simCards": cards})

    def beat(self) -> None:
        """`system:ping`, with the state of its health."""
        make = self.make_webhook("system:ping", {"health": self.describe_health()})
        self._poster.tell(self.fleet.tally.heartbeats, make)

    def receive(self, slot: LiveSlot) -> None:
        """A message comes in; now and then the very same once more, which is another message."""
        message = self.correspondents.write(self.device_id, slot.index)
        if self._last is not None and self.random.random() < _SAME_AGAIN_CHANCE:
            message = self._last
        self._last = message
        digest = hashlib.sha256(f"{message.sender}{message.text}".encode()).hexdigest()
        payload = {
            "messageId": digest[:8],
            "message": message.text,
            "sender": message.sender,
            "recipient": self.slots[message.line].sim.phone_number,
            "simNumber": message.line + 1,
            "receivedAt": self.write_time(),
        }
        self.send((message,), self._poster.deliver(self.make_webhook("sms:received", payload)))

    def happen(self, slot: LiveSlot) -> None:
        """The app sends an SMS of its own user's: sent, and delivered, or failed."""
        message_id = self.make_id()
        told = {
            "messageId": message_id,
            "sender": slot.sim.phone_number,
            "recipient": self.correspondents.pick(),
            "simNumber": slot.index + 1,
        }
        if self.random.random() < _FAILURE_CHANCE:
            self._tell(
                "sms:failed", told | {"reason": "RESULT_ERROR_NO_SERVICE", "failedAt": self.write_time()}
            )
            return
        self._tell("sms:sent", told | {"partsCount": 1, "sentAt": self.write_time()})
        self.fleet.run_errand(self._report_delivery(told))

    async def _report_delivery(self, told: dict[str, Any]) -> None:
        await self.pause(self.random.uniform(1, 10))
        self._tell("sms:delivered", told | {"deliveredAt": self.write_time()})

    def _tell(self, event: str, payload: dict[str, Any]) -> None:
        self._poster.tell(self.fleet.tally.events, self.make_webhook(event, payload))

    def make_webhook(self, event: str, payload: dict[str, Any]) -> MakeRequest:
        """What is posted for an event: the same at each try, but for its stamp and signature."""
        envelope = {
            "deviceId": self.device_id,
            "event": event,
            "id": self.make_id(),
            "payload": payload,
            "webhookId": self._webhooks.setdefault(event, self.make_id()),
        }
        body = write_json(envelope)
        return lambda: self._sign(body)

    def _sign(self, body: bytes) -> Request:
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": _USER_AGENT,
            "X-Timestamp": stamp,
            "X-Signature": sign(self.options.key, body, stamp),
        }
        return Request(self.options.address, body, headers)

    def describe_card(self, slot: LiveSlot) -> dict[str, Any]:
        """One of `simCards`."""
        return {
            "slotIndex": slot.index,
            "simNumber": slot.index + 1,
            "phoneNumber": slot.sim.phone_number,
            "carrierName": slot.sim.carrier_name,
            "iccid": slot.sim.iccid,
        }

    def describe_health(self) -> dict[str, Any]:
        """The checks of a ping."""
        charging = self.random.choice((_ON_MAINS, _ON_USB)) + 1 if self.battery.is_charging else 0
        level = self.battery.level
        is_low = level < 25
        checks = {
            "messages:failed": _check("Failed messages for last hour", "messages", 0),
            "connection:status": _check("Internet connection status", "boolean", 1),
            "connection:transport": _check(
                "Network transport type", "flags", self.random.choice((_WIFI, _CELLULAR))
            ),
            "connection:cellular": _check("Cellular network type", "index", 4),
            "battery:level": _check("Battery level in percent", "percent", level, is_good=not is_low),
            "battery:charging": _check("Is the phone charging?", "flags", charging),
        }
        return {"checks": checks, "releaseId": 1, "status": "warn" if is_low else "pass", "version": "1.0.0"}


def sign(key: str, body: bytes, stamp: str) -> str:
    """`X-Signature`: the hex HMAC-SHA256 of the body and the stamp after it."""
    return hmac.new(key.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()


def _check(description: str, unit: str, value: int, *, is_good: bool = True) -> dict[str, Any]:
    return {
        "description": description,
        "observedUnit": unit,
        "observedValue": value,
        "status": "pass" if is_good else "warn",
    }
