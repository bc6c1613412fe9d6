"""One box on one connection: who it is, what it has told of its ports, and what each of its frames is answered."""

from __future__ import annotations

from contextlib import nullcontext

import structlog

from goip.errors import Forbidden, GoipError, InvalidPayload, Unauthorized, Unavailable
from goip.gateways.dinstar.binary import HEAD_BYTES, KEEPALIVE, LOGIN, Frame, Ports, answer, encode, told_of
from goip.gateways.dinstar.door import MAKE, Door
from goip.gateways.dinstar.replaying import head_of, kept_of
from goip.ingest import record_heartbeat, record_note, record_sms
from goip.models import Heartbeat, InboundSms, Told
from goip.store.store import Store
from goip.wirelog.exchange import Exchange, Keeping, about, refused, taken

log = structlog.get_logger(__name__)

_NO_MAC = bytes(6)
_NUMBERS = 2**32


class Session:
    """Takes a box's frames in their order. `is_in` once the box may tell, `is_over` when it is to be sent away.

    `keeping` keeps what is said in either direction for the wire log.
    """

    def __init__(self, door: Door, address: str, keeping: Keeping = nullcontext) -> None:
        self.address = address
        self.mac: bytes | None = None
        self.is_in = False
        self.is_over = False
        self._door = door
        self._keeping = keeping
        self._key_text: str | None = None
        self._ports = Ports()
        self._n_keepalives = 0

    def keepalive(self) -> bytes | None:
        """One from us, None as long as the box is not in."""
        if self.mac is None or not self.is_in:
            return None
        self._n_keepalives += 1
        seconds = self._door.store.clock() // 1000
        frame = Frame(self.mac, seconds % _NUMBERS, self._n_keepalives % _NUMBERS, KEEPALIVE)
        exchange, keepalive = self._exchange(None), encode(frame)
        with self._keeping(exchange):
            about(frame.device_id)
            exchange.answer(keepalive, head_of(frame))
        return keepalive

    async def take(self, frame: Frame) -> bytes | None:
        """The answer to a frame, once what it tells is on disk.

        None where there is none: where we could not store it, so that the box sends it again, or where it has to
        log in first.
        """
        exchange = self._exchange(kept_of(frame))
        exchange.head = head_of(frame)
        with self._keeping(exchange):
            reply = await self._judge(frame)
            if reply is not None:
                exchange.answer(reply, f"ANSWER {exchange.head}")
            return reply

    def hear_nonsense(self, data: bytes, refusal: GoipError) -> None:
        """What came is none of a box's, as the refusal says; its beginning is kept, for more may hold a password."""
        with self._keeping(self._exchange(data[:HEAD_BYTES])):
            if self.mac is not None and self.is_in:
                about(self.mac.hex("-"))
            refused(refusal.message)
            taken()

    def _exchange(self, heard: bytes | None) -> Exchange:
        return Exchange(self._door.store.clock(), "tcp", MAKE, self.address, heard)

    async def _judge(self, frame: Frame) -> bytes | None:
        try:
            await self._record(frame)
        except Unavailable as trouble:
            refused(trouble.message)
            log.info("dinstar.unanswered", box=frame.device_id, reason=trouble.message)
            return None
        except InvalidPayload as refusal:
            self._tell(frame, refusal)
            return answer(frame, is_taken=False)
        except GoipError as refusal:
            self._tell(frame, refusal)
            self.is_over = True
            taken()  # that it is hung up on is the answer
            return answer(frame, is_taken=False) if frame.kind == LOGIN else None
        if self.is_in:
            taken()
        return answer(frame, is_taken=True)

    async def _record(self, frame: Frame) -> None:
        if frame.mac == _NO_MAC or self.mac not in (None, frame.mac):
            raise Forbidden("a connection is of one box, with a MAC")
        self.mac = frame.mac
        if frame.kind == LOGIN:
            self._key_text = await self._door.log_in(frame, self.address)
            self.is_in = True
            return
        try:
            self._door.check(frame.device_id, self.address, self._key_text)
        except Unauthorized:
            if frame.kind == KEEPALIVE and not self.is_in:
                return  # it may still be about to log in
            raise
        self.is_in = True
        ports = self._ports.after(frame)
        for item in told_of(frame, ports):
            await _record(self._door.store, item)
        self._ports = ports

    def _tell(self, frame: Frame, refusal: GoipError) -> None:
        refused(refusal.message)
        log.info(
            "dinstar.refused",
            box=frame.device_id,
            address=self.address,
            kind=frame.kind,
            reason=refusal.message,
        )


async def _record(store: Store, item: Told) -> None:
    if isinstance(item, Heartbeat):
        await record_heartbeat(store, item)
    elif isinstance(item, InboundSms):
        await record_sms(store, item)
    else:
        await record_note(store, item)
