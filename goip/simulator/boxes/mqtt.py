"""Gateways that publish to an MQTT broker, in goip's own format, as a firmware with a careful client does.

Each has a session of its own at the broker, publishes with QoS 1, leaves `offline` there as its last will, and says
`online` whenever it is back. A road of TCP loses no packet: where one is to get lost, the line breaks around it, and
what the broker has not acknowledged comes again on the next. The messages are counted in memory that outlives a
restart; what was on its way does not.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Any, cast

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from goip.addresses import BrokerAddress
from goip.simulator.boxes.box import CALLS_PER_SMS, Box, Habit
from goip.simulator.boxes.fleet import Fleet
from goip.simulator.boxes.messages import Outcome
from goip.simulator.boxes.tally import Count

_KEEPALIVE_SECONDS = 30
_DIAL_AGAIN_SECONDS, _LONGEST_DIAL_AGAIN_SECONDS = 1.0, 8.0
_LONGEST_BEFORE_BREAK_SECONDS = 0.02


class MqttBox(Box):
    """One gateway with several cards; its lives share one session at the broker."""

    def __init__(self, fleet: Fleet, index: int) -> None:
        super().__init__(fleet, index)
        self.device_id = f"mqtt{self.options.seed:03d}-{index + 1:03d}"
        self._line = Line(fleet, self.device_id)
        self._n_messages = 0

    async def switch_on(self) -> None:
        """Call the broker; nothing waits for it to answer."""
        self._line = Line(self.fleet, self.device_id)
        self._line.open()

    def go_down(self) -> None:
        """Vanish, so that the broker tells the last will."""
        self._line.end()

    close = go_down

    def habits(self) -> Iterable[Habit]:
        """Heartbeats, messages, and reports on what it sent."""
        per_second = self.options.sms_per_second_per_line * len(self.slots)
        yield self.every(self.options.interval_seconds, self._beat)
        yield self.now_and_then(per_second, self._receive)
        yield self.now_and_then(per_second * CALLS_PER_SMS, self._report)

    def _beat(self) -> None:
        self.drift()
        told = {
            "intervalSeconds": max(1, round(self.options.interval_seconds)),
            "simSlots": [slot.describe() for slot in self.slots],
        }
        self._tell(self.fleet.tally.heartbeats, "heartbeat", told)

    def _receive(self) -> None:
        slot = self.random.choice(self.slots)
        message = self.correspondents.write(self.device_id, slot.index)
        told = {
            "messageId": self._name_next(),
            "sender": message.sender,
            "message": message.text,
            "recipient": slot.sim.phone_number,
            "slotIndex": slot.index,
            "timestamp": int(time.time() * 1000),
        }
        self.send((message,), self._deliver("sms", told))

    def _report(self) -> None:
        """What became of a message that it sent, of its own user's."""
        told = {
            "messageId": self._name_next(),
            "status": self.random.choice(("sent", "delivered", "failed")),
            "recipient": self.correspondents.pick(),
            "slotIndex": self.random.choice(self.slots).index,
        }
        self._tell(self.fleet.tally.events, "report", told)

    def _name_next(self) -> str:
        self._n_messages += 1
        return f"{self.device_id}-{self._n_messages:06d}"

    def _tell(self, count: Count, kind: str, told: dict[str, Any]) -> None:
        count.n_sent += 1
        self.fleet.begin(self._count(count, kind, told))

    async def _count(self, count: Count, kind: str, told: dict[str, Any]) -> None:
        if await self._deliver(kind, told) is Outcome.ACKNOWLEDGED:
            count.n_acknowledged += 1

    async def _deliver(self, kind: str, told: dict[str, Any]) -> Outcome:
        """Publish over the road; it is the client that repeats, on a new line."""
        line, road = self._line, self.fleet.road
        payload = json.dumps(told, ensure_ascii=False).encode()
        copies = road.copies()
        for delay in copies[1:]:
            self.fleet.run_errand(line.publish(kind, payload, delay))
        if not copies or road.loses():
            line.break_within(self.random.uniform(0, _LONGEST_BEFORE_BREAK_SECONDS))
        return await line.publish(kind, payload, copies[0] if copies else 0)


class Line:
    """A client from one power-up to the next; the library's own thread dials again when the line breaks."""

    def __init__(self, fleet: Fleet, device_id: str) -> None:
        self._broker = cast(BrokerAddress, fleet.options.broker)
        self._fleet = fleet
        self._topic = f"{self._broker.prefix}/{device_id}"
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._is_over = False
        self._client = self._new_client(device_id)

    def _new_client(self, device_id: str) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=device_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        if self._broker.username:
            client.username_pw_set(self._broker.username, self._broker.password or None)
        if self._broker.is_tls:
            client.tls_set()
        pace = self._fleet.options.pace
        client.reconnect_delay_set(_DIAL_AGAIN_SECONDS / pace, _LONGEST_DIAL_AGAIN_SECONDS / pace)  # type: ignore[arg-type]
        client.will_set(f"{self._topic}/status", "offline", qos=1)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        return client

    def open(self) -> None:
        """Dial, from now on."""
        self._client.connect_async(self._broker.host, self._broker.port, _KEEPALIVE_SECONDS)
        self._client.loop_start()

    def break_within(self, seconds: float) -> None:
        """Let the line break by then; the client dials again."""
        self._loop.call_later(seconds, self._break)

    def end(self) -> None:
        """Break the line for good, without a farewell; what is not acknowledged is forgotten."""
        self._is_over = True
        self._break()
        self._client.disconnect()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(Outcome.FORGOTTEN)

    async def publish(self, kind: str, payload: bytes, delay: float) -> Outcome:
        """Publish after so many seconds, and wait until the broker has it."""
        await asyncio.sleep(delay)
        if self._is_over:
            return Outcome.FORGOTTEN
        began = monotonic()
        number = self._client.publish(f"{self._topic}/{kind}", payload, qos=1).mid
        waiting = self._waiting[number] = self._loop.create_future()
        try:
            outcome: Outcome = await waiting
        finally:
            del self._waiting[number]
        if outcome is Outcome.ACKNOWLEDGED:
            self._fleet.tally.latencies.add(monotonic() - began)
        return outcome

    def _break(self) -> None:
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    # ---- in the library's thread ----

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _told: Properties | None
    ) -> None:
        if not reason.is_failure:
            client.publish(f"{self._topic}/status", "online", qos=1)
        self._in_loop(self._take_welcome, None if not reason.is_failure else str(reason))

    def _on_publish(
        self, _client: Client, _data: Any, number: int, _reason: ReasonCode, _told: Properties
    ) -> None:
        self._in_loop(self._acknowledge, number)

    def _in_loop(self, act: Any, *told: Any) -> None:
        with suppress(RuntimeError):  # the fleet has ended, and its loop with it
            self._loop.call_soon_threadsafe(act, *told)

    # ---- in the loop ----

    def _take_welcome(self, refusal: str | None) -> None:
        if refusal is not None:
            self._fleet.tally.refuse(refusal)
        else:
            self._fleet.tally.n_repeated += len(self._waiting)

    def _acknowledge(self, number: int) -> None:
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(Outcome.ACKNOWLEDGED)
