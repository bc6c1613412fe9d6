"""Reading what a box has received while nobody heard it, from where it was read to before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from goip.gateways.asking import BoxLink
from goip.gateways.dinstar.stored import RECEIVED_PATH, Remembered, decode_received, query_after
from goip.ingest import record_sms
from goip.recovery import Piece, place_in_memory, record_piece
from goip.store.places import Place
from goip.store.store import Store

_MOST_PAGES = 100
_MOST_A_COMMIT = 250
_BEGINNING = Place("", 1)


class Memory:
    """The memory of one box. A box has no word for when it began to count: `life` is the mark of the newest known."""

    def __init__(self, link: BoxLink, store: Store) -> None:
        self._link = link
        self._store = store
        self._name = link.box.name

    async def read(self, *, is_recovery: bool) -> bool:
        """Store what is not known; False where more is left for the next time.

        With `is_recovery` the new ones are told as recovered; else they are what a box has that does not push, or not
        yet. Raises what `BoxLink.asking` and `ingest` raise.
        """
        place = await place_in_memory(self._store, self._name) or _BEGINNING
        page = await self._page(max(0, place.next_id - 2))  # the newest known one is to be there again
        if place.next_id > 1 and (place.next_id - 1, place.life) not in [
            (row.number, row.mark) for row in page
        ]:
            # It counts anew, or was emptied: what is known is not stored again.
            place = _BEGINNING._replace(n_recovered=place.n_recovered)
            page = await self._page(0)
        for _ in range(_MOST_PAGES):
            fresh = [row for row in page if row.number >= place.next_id]
            if not fresh:
                return True
            page = await self._page(fresh[-1].number)
            is_last = not any(row.number > fresh[-1].number for row in page)
            place = await self._record(fresh, place, is_last=is_last, is_recovery=is_recovery)
        return False

    async def _page(self, number: int) -> Sequence[Remembered]:
        async with self._link.asking(RECEIVED_PATH, query_after(number)) as answer:
            return decode_received(self._name, answer)

    async def _record(
        self, rows: Sequence[Remembered], place: Place, *, is_last: bool, is_recovery: bool
    ) -> Place:
        """Commit them and the place after them, in several pieces where a box gives more than others."""
        while rows:
            now, rows = rows[:_MOST_A_COMMIT], rows[_MOST_A_COMMIT:]
            told = [row.sms for row in now if row.sms is not None]
            if not is_recovery:
                await asyncio.gather(*(record_sms(self._store, sms) for sms in told))
                told = []
            piece = Piece(self._name, now[-1].mark, now[-1].number + 1, told, is_last and not rows)
            place = await record_piece(self._store, piece, place)
        return place
