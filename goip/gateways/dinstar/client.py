"""A newer box that the settings name, asked over its own HTTP API: how it is, what it remembers, and to send."""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import nullcontext, suppress

import structlog
from aiohttp import ClientError

from goip.addresses import BoxAddress
from goip.errors import GoipError
from goip.gateways.asking import USUAL, BoxLink, Pauses
from goip.gateways.dinstar import A_DAY_SECONDS
from goip.gateways.dinstar.asking import PORT_INFO_PATH, decode_port_info, encode_sms
from goip.gateways.dinstar.memory import Memory
from goip.gateways.dinstar.proving import proving
from goip.gateways.dinstar.results import user_id_of
from goip.gateways.dinstar.sending import PATIENCE, Patience, Sender
from goip.gateways.outcome import Outcome
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Heartbeat
from goip.store.store import Store
from goip.wirelog.exchange import Keeping

log = structlog.get_logger(__name__)

MAKE = "dinstar"
_BRAND = {"brand": "Dinstar"}
_TROUBLE = (ClientError, OSError, GoipError)


class DinstarClient:
    """One box. It is due after each look's pause and the time that its answer may take, whatever it pushes beside."""

    def __init__(
        self,
        box: BoxAddress,
        store: Store,
        pauses: Pauses = USUAL,
        keeping: Keeping = nullcontext,
        patience: Patience = PATIENCE,
    ) -> None:
        self.link = BoxLink(box, MAKE, store.clock, keeping, pauses, proving(box))
        self._store = store
        self._sender = Sender(self.link, patience)
        self._memory = Memory(self.link, store)
        self._is_behind = True
        self._unreached_at: int | None = None

    async def look(self) -> None:
        """Record how the box is, and what it has received and nobody knows.

        Trouble with its memory is left to the next look: it would else cost the box its heartbeats.
        """
        is_behind, self._is_behind = self._is_behind, True
        try:
            async with self.link.asking(PORT_INFO_PATH) as answer:
                await self._record_ports(answer)
        except _TROUBLE:
            await self._hold_to_pushes()
            raise
        self._unreached_at = None
        try:
            async with asyncio.timeout(self.link.pauses.answer):
                has_all = await self._memory.read(is_recovery=is_behind)
        except _TROUBLE as trouble:
            log.info("dinstar.memory_not_read", box=self.link.box.name, reason=str(trouble) or "no answer")
        else:
            self._is_behind = is_behind and not has_all

    async def close(self) -> None:
        """Nothing waits to be stored."""

    async def _record_ports(self, answer: bytes) -> None:
        box, pauses = self.link.box, self.link.pauses
        known = self._store.fleet.find(box.name)
        beat = decode_port_info(box.name, answer)._replace(
            brand_info=None if known and known.brand_info else _BRAND,  # a push may have told more
            ip_address=_address(box.host),
            interval_seconds=max(1, round(pauses.poll + pauses.answer)),
        )
        # The settings name it: that is all the proof it needs.
        await record_heartbeat(self._store, beat, enrolment=Enrolment(None, MAKE))

    async def _hold_to_pushes(self) -> None:
        """One that pushes after it was not reached lives, and cannot be asked: it is due as one that only pushes.

        It would else be offline a few minutes after each push.
        """
        device = self._store.fleet.find(self.link.box.name)
        if self._unreached_at is None:
            self._unreached_at = self._store.clock()
        elif (
            device is not None
            and (device.last_seen_at or 0) > self._unreached_at
            and device.declared_interval_seconds != A_DAY_SECONDS
        ):
            beat = Heartbeat(device.device_id, interval_seconds=A_DAY_SECONDS)
            await record_heartbeat(self._store, beat)

    async def send_sms(
        self,
        message_id: int,
        number: str,
        message: str,
        slot_index: int | None = None,
        *,
        is_repeat: bool = False,
    ) -> Outcome:
        """Have a message sent, and say what became of it: `done` when the network has it, with its number of it.

        `message_id` is the message's own. With `is_repeat` an earlier try may have reached the box: one that it knows
        it is not given again. Without a slot the box chooses. Raises InvalidPayload for what cannot be sent.
        """
        user_id = user_id_of(self._store.fleet.epoch, message_id)
        body = encode_sms(message, {user_id: number}, () if slot_index is None else (slot_index,))
        return await self._sender.send(user_id, body, is_repeat=is_repeat)


def _address(host: str) -> str | None:
    with suppress(ValueError):
        return str(ipaddress.ip_address(host))
    return None
