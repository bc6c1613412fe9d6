"""A box that the settings name, asked over its own HTTP API: how it is, what it remembers, and to send.

Nothing in the box is changed or deleted by it, but for the tasks that it is given.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import structlog
from aiohttp import ClientConnectorError, ClientError

from goip.addresses import BoxAddress
from goip.errors import InvalidPayload, Unauthorized, Unavailable
from goip.gateways.asking import USUAL, BoxLink, Pauses
from goip.gateways.ejoin import A_DAY_SECONDS, MAKE
from goip.gateways.ejoin.encode import SEND_PATH, Task, decode_answer, encode_task, outcome_of, task_id_of
from goip.gateways.ejoin.status import STATUS_PATH, decode_status
from goip.gateways.ejoin.stored import STORED_PATH, Stored, decode_stored
from goip.gateways.outcome import Outcome
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Device, Heartbeat
from goip.recovery import Piece, place_in_memory, record_piece
from goip.rhythm import expected_seconds, late_seconds
from goip.store.places import Place
from goip.store.store import Store
from goip.wirelog.exchange import Keeping

log = structlog.get_logger(__name__)

MOST_A_PAGE = 100
"""Messages asked for at once; some boxes give all that they have."""
_MOST_PAGES = 100
_MOST_A_COMMIT = 250
_UNDER_WAY_MS = 10_000
"""So long a push of what the box has just received may take."""
_N_POSTS = 3


class EjoinClient:
    """One box. Reports of what it sends go to `report_url`, where that is known; else it tells only deliveries.

    A box that reports its state by itself is not asked for that; what it remembers is read in any case, as a push
    may have been lost.
    """

    def __init__(
        self,
        box: BoxAddress,
        store: Store,
        pauses: Pauses = USUAL,
        keeping: Keeping = nullcontext,
        report_url: str | None = None,
    ) -> None:
        self.link = BoxLink(box, MAKE.name, store.clock, keeping, pauses)
        self._store = store
        self._report_url = report_url
        self._login = {"username": box.username, "password": box.secret}
        self._is_behind = True
        self._tells_state = True
        self._asked_at: int | None = None

    async def look(self) -> None:
        """Record how the box is, unless it says so itself, and what it has received and nobody knows."""
        is_behind, self._is_behind = self._is_behind, True
        if is_behind:
            self._tells_state = True
        if not _reports(self._store.fleet.find(self.link.box.name), self._asked_at, self._store.clock()):
            await self._record_beat(await self._state())
        await self._read_memory(None if is_behind else self._store.clock() - _UNDER_WAY_MS)
        self._is_behind = False

    async def close(self) -> None:
        """Nothing waits to be stored."""

    # ---- its state ----

    async def _state(self) -> Heartbeat:
        """The box and its ports; of one that does not tell them, that it answers."""
        name = self.link.box.name
        if self._tells_state:
            try:
                async with self.link.asking(STATUS_PATH, self._login) as answer:
                    return decode_status(name, answer)
            except InvalidPayload as refusal:
                self._tells_state = False
                log.info("ejoin.state_not_told", box=name, reason=refusal.message)
        return Heartbeat(name)

    async def _record_beat(self, beat: Heartbeat) -> None:
        """The settings name the box: that is all the proof it needs."""
        pauses = self.link.pauses
        timed = beat._replace(interval_seconds=max(1, round(pauses.poll + pauses.answer)))
        outcome = await record_heartbeat(self._store, timed, enrolment=Enrolment(None, MAKE.name))
        self._asked_at = outcome.device.last_seen_at

    # ---- its memory ----

    async def _read_memory(self, pushed_since: int | None) -> None:
        """Go on from where it was read to, page by page; the rest of very much is left to the next look."""
        place = await place_in_memory(self._store, self.link.box.name) or Place("", 1)
        has_begun_again = False
        for _ in range(_MOST_PAGES):
            numbers = {"sms_id": str(place.next_id), "sms_num": str(MOST_A_PAGE), "sms_del": "0"}
            async with self.link.asking(STORED_PATH, self._login | numbers) as answer:
                stored = decode_stored(answer, self.link.box.name)
                if not has_begun_again and _counts_anew(stored, place):
                    place, has_begun_again = Place(stored.life, 1, place.n_recovered), True
                    continue
                is_last = stored.next_id - place.next_id < MOST_A_PAGE
                if stored.told or place != (stored.life, stored.next_id, 0):
                    place = await self._record(stored, place, pushed_since, is_last=is_last)
            if is_last:
                return

    async def _record(
        self, stored: Stored, place: Place, pushed_since: int | None, *, is_last: bool
    ) -> Place:
        """Commit a page, in several pieces where it is large."""
        name, told = self.link.box.name, stored.told
        while len(told) > _MOST_A_COMMIT:
            piece = Piece(name, stored.life, place.next_id, told[:_MOST_A_COMMIT], is_last=False)
            place, told = await record_piece(self._store, piece, place, pushed_since), told[_MOST_A_COMMIT:]
        piece = Piece(name, stored.life, stored.next_id, told, is_last)
        return await record_piece(self._store, piece, place, pushed_since)

    # ---- sending ----

    async def send_sms(
        self,
        message_id: int,
        number: str,
        message: str,
        slot_index: int | None = None,
        *,
        is_repeat: bool = False,
    ) -> Outcome:
        """Give the box a message to send; `done` when it has it. The reference is its task's number, as in reports.

        `message_id` is the message's own, from 1 on; the same again is the same task, which the box does not do twice.
        So a post without an answer is repeated; `is_repeat` says that somebody else may have posted it before.
        Raises InvalidPayload for what cannot be sent.
        """
        task = Task(task_id_of(message_id), number, message, slot_index)
        body = encode_task(task, self._report_url)
        reason, may_be_known = "", is_repeat
        for n_post in range(_N_POSTS):
            if n_post:
                await asyncio.sleep(self.link.pauses.first)
            try:
                async with self.link.asking(SEND_PATH, self._login, body) as answer:
                    return outcome_of(task.task_id, decode_answer(answer), may_be_known=may_be_known)
            except ClientConnectorError as trouble:  # it has not heard this one
                reason = str(trouble)
            except (ClientError, OSError, Unavailable) as trouble:
                reason, may_be_known = str(trouble) or "no answer", True
            except (InvalidPayload, Unauthorized) as refusal:
                if isinstance(refusal, Unauthorized) or refusal.code == "box_refused":
                    return Outcome("failed", reason=refusal.message)
                reason, may_be_known = refusal.message, True
        return Outcome("unconfirmed" if may_be_known else "failed", str(task.task_id), reason=reason)


def _reports(device: Device | None, asked_at: int | None, now: int) -> bool:
    """True for a box that tells its state by itself, and is not late with it; forwarding messages does not count."""
    if device is None or device.last_seen_at is None or device.last_seen_at == asked_at:
        return False
    is_in_time = now - device.last_seen_at < late_seconds(device) * 1000
    return is_in_time and expected_seconds(device) < A_DAY_SECONDS


def _counts_anew(stored: Stored, place: Place) -> bool:
    """True where the numbers of messages begin at 1 again: after a restart, or without a word in an emptied memory."""
    return place.next_id > 1 and (stored.life != place.life or stored.next_id < place.next_id)
