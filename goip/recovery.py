"""What boxes still have in their memories, for what came while goip was away or the line to them was down.

Each piece of a memory is one commit with the place where to read on: a crash before it repeats the piece, and what
is stored already, by a push or by an earlier reading, is not stored again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from goip.clock import to_iso
from goip.ingest import NoteChange, SmsChange
from goip.models import DeliveryReport, InboundSms, device_room
from goip.store.draft import Draft
from goip.store.places import Place, find_place, list_newest_data
from goip.store.statements import Write
from goip.store.store import Store
from goip.wire import note_json

_N_REPORTS_KNOWN = 1_000


class Piece(NamedTuple):
    """Some of what a box remembers, and where to read on after it; nothing follows one that `is_last`."""

    device_id: str
    life: str
    next_id: int
    told: Sequence[InboundSms | DeliveryReport]
    is_last: bool


async def place_in_memory(store: Store, device_id: str) -> Place | None:
    """Where to read on in that box's memory; None for the beginning. Raises what the database raises."""
    async with store.reading() as connection:
        return await find_place(connection, device_id)


async def record_piece(
    store: Store, piece: Piece, known: Place | None, pushed_since: int | None = None
) -> Place:
    """Commit what is not known of a piece, and the place after it, which is returned; `known` is the one before.

    With the last piece `sms-recovered` tells how many messages were found, if there were any. Of those that were sent
    after `pushed_since` (ms since the epoch) a push may be under way: they are stored, and not called recovered.

    Raises NotFound for an unknown device, Unavailable when it cannot be stored now.
    """
    fresh = await _without_known_reports(store, piece)
    return await store.record(PieceChange(fresh, known, store.clock(), pushed_since))


async def _without_known_reports(store: Store, piece: Piece) -> Piece:
    """A report bears no number: one that says the very same of the same moment is the same."""
    if not any(isinstance(item, DeliveryReport) for item in piece.told):
        return piece
    async with store.reading() as connection:
        known = await list_newest_data(connection, piece.device_id, "delivery-report", _N_REPORTS_KNOWN)
    for data in known:
        del data["at"], data["seq"]
    told = [item for item in piece.told if isinstance(item, InboundSms) or note_json(item)[1] not in known]
    return piece._replace(told=told)


class PieceChange(NamedTuple):
    """A piece of a memory on its way to disk."""

    piece: Piece
    known: Place | None
    received_at: int
    pushed_since: int | None

    def repeat_keys(self) -> tuple[str, ...]:
        """Those of all its messages."""
        return tuple(key for change in self._messages() for key in change.repeat_keys())

    def decide(self, draft: Draft) -> Place:
        """Store what is new, tell the sum with the last piece, and move the place."""
        piece = self.piece
        n_recovered = self.known.n_recovered if self.known is not None else 0
        for message in self._messages():
            if not message.decide(draft).is_repeat and self._is_recovered(message.sms):
                n_recovered += 1
        for item in piece.told:
            if isinstance(item, DeliveryReport):
                NoteChange(item, self.received_at).decide(draft)
        if n_recovered and piece.is_last:
            fact = {"deviceId": piece.device_id, "nMessages": n_recovered, "at": to_iso(self.received_at)}
            draft.fact("sms-recovered", fact, device_room(piece.device_id))
            n_recovered = 0
        place = Place(piece.life, piece.next_id, n_recovered)
        draft.write(Write.PLACE, (piece.device_id, *place))
        return place

    def _messages(self) -> list[SmsChange]:
        return [SmsChange(item, self.received_at) for item in self.piece.told if isinstance(item, InboundSms)]

    def _is_recovered(self, sms: InboundSms) -> bool:
        return self.pushed_since is None or sms.sent_at is None or sms.sent_at < self.pushed_since
