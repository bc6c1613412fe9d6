"""The broker that the settings name: dialled for as long as the server runs, and heard by a session that it keeps.

A message is acknowledged once it is on disk, or once it is plain that it never will be. What the store cannot take
now is tried again; until then the broker keeps it too, so it comes again if this process ends before.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import nullcontext
from typing import NamedTuple, Self

import structlog

from goip.addresses import BrokerAddress
from goip.digest import digest_of
from goip.errors import GoipError, InvalidPayload, Unauthorized, Unavailable
from goip.gateways.mqtt import MAKE, LinkState
from goip.gateways.mqtt.decode import filters_of
from goip.gateways.mqtt.link import Link, Publication, Terms, TooOld
from goip.gateways.mqtt.recording import Recorder
from goip.gateways.mqtt.replaying import head_of
from goip.store.store import Store
from goip.wirelog.exchange import Exchange, Keeping, refused, taken

log = structlog.get_logger(__name__)

MOST_IN_HAND = 500
"""Messages that are not on disk yet; brokers let fewer be unacknowledged, many of them 20."""
MOST_WAITING = 5
"""Messages of devices that wait for an operator: fewer than any broker lets be unacknowledged."""
_LONGEST_TOPIC = 128
_LAST_WORDS_SECONDS = 5
_TROUBLE = (OSError, UnicodeError)
"""Of a link: silence is a TimeoutError, which is an OSError, and a host that cannot be a name is a UnicodeError."""


class Pauses(NamedTuple):
    """Seconds: before a lost broker is dialled again, or a message is stored again; and where it lets us not in."""

    first: float = 1.0
    longest: float = 30.0
    refused: float = 30.0


_USUAL = Pauses()


class Limits(NamedTuple):
    """How much may be in hand, and how large a message may be."""

    most_in_hand: int = MOST_IN_HAND
    most_bytes: int = 1_048_576


_ROOM = Limits()


class MqttClient:
    """Hears one broker within its block, which ends when what was told last is stored.

    `state` says how the line is, `keeping` keeps what is heard for the wire log.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        store: Store,
        *,
        recorder: Recorder | None = None,
        limits: Limits = _ROOM,
        state: LinkState | None = None,
        keeping: Keeping = nullcontext,
        pauses: Pauses = _USUAL,
    ) -> None:
        self._broker = broker
        self._store = store
        self._recorder = recorder or Recorder(store)
        self._limits = limits
        self._state = state or LinkState()
        self._keeping = keeping
        self._pauses = pauses
        self._terms = Terms(
            broker.client_id or f"goip{digest_of(store.fleet.epoch)[:16]}",
            limits.most_in_hand,
            limits.most_bytes,
        )
        self._link: Link | None = None
        self._in_hand: dict[asyncio.Task[None], int] = {}
        self._numbers: set[int] = set()
        self._waiting: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._has_session = False
        self._is_ending = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="mqtt")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_ending = True
        if self._link is not None:
            self._link.pause()
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=_LAST_WORDS_SECONDS)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self._pauses.first
        while True:
            began = loop.time()
            try:
                self._state.trouble = await self._hear()
            except Unauthorized as refusal:
                self._state.trouble = refusal.message
                pause = self._pauses.refused
            except TooOld:
                self._terms = self._terms._replace(is_old=True)
                self._state.trouble = "the broker speaks MQTT 3.1.1 only"
            except _TROUBLE as trouble:
                self._state.trouble = str(trouble) or "no answer"
            except Exception as defect:
                log.exception("mqtt.defect")
                self._state.trouble = repr(defect)
            log.warning("mqtt.link_lost", broker=self._broker.host, reason=self._state.trouble)
            if loop.time() - began > self._pauses.longest:
                pause = self._pauses.first
            await asyncio.sleep(_shaken(pause))
            pause = min(pause * 2, self._pauses.longest)

    async def _hear(self) -> str:
        """One connection, until it ends; returns why. Raises Unauthorized, TooOld, OSError."""
        link = self._link = Link(self._broker, self._terms, self._take)
        try:
            is_known = await link.open()
            await link.subscribe(filters_of(self._broker.prefix))
            self._state.trouble = None
            log.info("mqtt.connected", broker=self._broker.host)
            if self._has_session and not is_known:
                log.warning("mqtt.session_lost", broker=self._broker.host)
            self._has_session = True
            return await link.ended
        finally:
            self._link = None
            await self._drop()
            await link.close()

    async def _drop(self) -> None:
        """What is in hand can be acknowledged no more on this connection: on the next one it comes again."""
        tasks = list(self._in_hand)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, message: Publication) -> None:
        link = self._link
        if link is None or message.id in self._numbers:
            return  # some brokers say again what is not acknowledged in time, on the same connection
        if message.id:
            self._numbers.add(message.id)
        task = asyncio.create_task(self._keep(link, message))
        self._in_hand[task] = message.id
        task.add_done_callback(self._put_down)
        if len(self._in_hand) >= self._limits.most_in_hand:
            link.pause()

    def _put_down(self, task: asyncio.Task[None]) -> None:
        self._numbers.discard(self._in_hand.pop(task))
        has_room = len(self._in_hand) <= self._limits.most_in_hand // 2
        if self._link is not None and has_room and not self._is_ending:
            self._link.resume()

    async def _keep(self, link: Link, message: Publication) -> None:
        """Store it, as often as it takes, and acknowledge it."""
        pause = self._pauses.first
        place = id(message)
        try:
            while not await self._is_done_with(message, place):
                await asyncio.sleep(_shaken(pause))
                pause = min(pause * 2, self._pauses.longest)
        finally:
            self._waiting.discard(place)
        link.acknowledge(message)

    async def _is_done_with(self, message: Publication, place: int) -> bool:
        """True once it is on disk, or will never be; False where it is to be stored again later."""
        with self._keeping(self._exchange(message)):
            try:
                await self._record(message)
            except Unavailable as trouble:
                refused(trouble.message)
                return self._gives_up(message, place, trouble)
            except GoipError as refusal:
                refused(refusal.message)
                log.info("mqtt.refused", topic=message.topic[:_LONGEST_TOPIC], reason=refusal.message)
            except Exception:  # what we cannot take must not keep the others from coming
                refused("a defect of goip's own")
                log.exception("mqtt.defect", topic=message.topic[:_LONGEST_TOPIC])
            taken()
        return True

    def _gives_up(self, message: Publication, place: int, trouble: Unavailable) -> bool:
        """True for a message of a device that waits for an operator, where too many wait with it.

        A broker lets only so many be unacknowledged: they would keep those of every other device from coming.
        """
        if trouble.code != "device_pending" or place in self._waiting:
            return False
        if len(self._waiting) < MOST_WAITING:
            self._waiting.add(place)
            return False
        log.warning("mqtt.not_kept", topic=message.topic[:_LONGEST_TOPIC], reason=trouble.message)
        taken()
        return True

    async def _record(self, message: Publication) -> None:
        if message.is_retained:
            raise InvalidPayload("it was retained: it tells what was, and not what is")
        if len(message.payload) > self._limits.most_bytes:
            raise InvalidPayload(f"a message has at most {self._limits.most_bytes} bytes")
        await self._recorder.record(message.topic, message.payload)

    def _exchange(self, message: Publication) -> Exchange:
        exchange = Exchange(self._store.clock(), "mqtt", MAKE, self._broker.host, message.payload)
        exchange.head = head_of(message.topic, message.qos, is_repeat=message.is_repeat)
        return exchange


def _shaken(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1)  # noqa: S311 - only so that not all come back together


async def try_out(broker: BrokerAddress) -> None:
    """Log in and leave no trace, beside a server that may be connected. Raises Unauthorized, OSError."""
    for is_old in (False, True):
        terms = Terms(f"goip{random.getrandbits(64):016x}", 1, 1024, is_old=is_old, is_kept=False)
        link = Link(broker, terms, lambda message: None)
        try:
            await link.open()
            await link.subscribe(filters_of(broker.prefix))
            return
        except TooOld:
            continue
        finally:
            await link.close()
