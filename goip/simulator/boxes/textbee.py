"""Phones with a build of the textbee app whose address is ours: its calls, with its own paths behind the address.

What is not answered by 2xx is tried again after 10 s, then after twice as long each time; the app sets itself a bound
and never counts towards it, so it is Android that ends it, after more than these fourteen times.
"""

from __future__ import annotations

import time
from typing import Any, Final

from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.phone import Phone, write_json
from goip.simulator.boxes.posting import Poster, Request, Schedule
from goip.simulator.slots import LiveSlot

SCHEDULE: Final = Schedule(first_seconds=10, factor=2, repeats=14)
_VERSION, _VERSION_CODE = "2.7.1", 17


class TextbeePhone(Phone):
    """One phone, known by the id that it was given when it was registered, long ago."""

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.device_id = f"{self.random.getrandbits(96):024x}"
        self._poster = Poster(fleet, SCHEDULE)

    async def switch_on(self) -> None:
        """The app says what it is."""
        told = {
            "brand": "Fernway",
            "manufacturer": "Fernway",
            "model": "Fern 6a",
            "enabled": True,
            "appVersionName": _VERSION,
            "appVersionCode": _VERSION_CODE,
        }
        self._tell("PATCH", "", told)

    def beat(self) -> None:
        """`heartbeat`, which comes again with the next one only."""
        request = self._call("POST", "/heartbeat", self.describe())
        self._poster.tell(self.fleet.tally.heartbeats, lambda: request, once=True)

    def describe(self) -> dict[str, Any]:
        """The state of the phone and of the cards in it."""
        return {
            "batteryPercentage": self.battery.level,
            "isCharging": self.battery.is_charging,
            "networkType": self.random.choice(("wifi", "cellular")),
            "appVersionName": _VERSION,
            "appVersionCode": _VERSION_CODE,
            "receiveSMSEnabled": True,
            "simInfo": {
                "lastUpdated": int(time.time() * 1000),
                "sims": [self._describe_card(slot) for slot in self.slots],
            },
        }

    def _describe_card(self, slot: LiveSlot) -> dict[str, Any]:
        return {
            "subscriptionId": slot.index + 1,
            "iccId": slot.sim.iccid,
            "carrierName": slot.sim.carrier_name,
            "displayName": slot.sim.carrier_name,
            "simSlotIndex": slot.index,
        }

    def receive(self, slot: LiveSlot) -> None:
        """`receive-sms`; the card that took it is not told."""
        message = self.correspondents.write(self.device_id, slot.index)
        told = {
            "sender": message.sender,
            "message": message.text,
            "receivedAtInMillis": int(time.time() * 1000),
        }
        request = self._call("POST", "/receive-sms", told)
        self.send((message,), self._poster.deliver(lambda: request))

    def happen(self, slot: LiveSlot) -> None:
        """What became of a message that it was given to send."""
        told = {
            "smsId": f"{self.random.getrandbits(96):024x}",
            "status": "SENT",
            "sentAtInMillis": int(time.time() * 1000),
        }
        self._tell("PATCH", "/sms-status", told)

    def _tell(self, method: str, path: str, told: dict[str, Any]) -> None:
        request = self._call(method, path, told)
        self._poster.tell(self.fleet.tally.events, lambda: request)

    def _call(self, method: str, path: str, told: dict[str, Any]) -> Request:
        headers = {"Content-Type": "application/json; charset=UTF-8", "x-api-key": self.options.key}
        url = f"{self.options.address}/gateway/devices/{self.device_id}{path}"
        return Request(url, write_json(told), headers, method=method)
