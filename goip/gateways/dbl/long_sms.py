"""Long messages, which a box hands over part by part without saying so, made whole again.

Each part is full to the last letter, save the last: so a full one may go on, and what the same sender says next on
the same line, within a minute, is its continuation. A part is on disk before it is acknowledged, the last one too;
then the whole is stored, and some time later, when nobody repeats them any more, its parts are forgotten. A server
that starts again goes on with those that it finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import attrgetter

import structlog

from goip.errors import NotFound, Unavailable
from goip.gateways.gsm import septets
from goip.ingest import SmsChange, record_sms
from goip.models import InboundSms, Sms
from goip.store.parts import SmsPart, forget_parts, list_parts, put_part
from goip.store.sms import find_repeats
from goip.store.store import Store

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 60.0
"""Parts were seen half a minute apart."""
_KNOWN_SECONDS = 120.0
"""A repeat comes within nine seconds; a server may take its time to start in between."""
_MISSED_SECONDS = 10.0
"""So long a part that could not be stored is waited for, and those after it are not taken."""
_AGAIN_SECONDS = 5.0
_MOST_PARTS = 20
"""As many as any box takes: the text of a packet has 3,000 bytes."""
_AT_ONCE = 500
_FULL_SEPTETS = (152, 153)
"""Of 160, the header of a part takes seven; of the rest a letter of the extension table needs two, in one part."""
_FULL_UNITS = (66, 67)
"""The same in UCS-2: a surrogate pair is not cut, and a longer header takes a letter more."""


def is_full(text: str) -> bool:
    """True for a text that nothing more could be put into: whatever follows it may be its continuation."""
    n_septets = septets(text)
    if n_septets is not None:
        return n_septets in _FULL_SEPTETS
    return len(text.encode("utf-16-le", "surrogatepass")) // 2 in _FULL_UNITS


_Key = tuple[str, str]
"""The line, and who writes to it."""


@dataclass(eq=False)
class _Whole:
    """A message in the making; `lock` is held by whoever changes it.

    `is_ended` once its last part is here, `is_over` once it is stored. `missed` is a part that could not be stored,
    and until when that is waited for.
    """

    message_id: str
    key: _Key
    since: int
    parts: list[SmsPart] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    timer: asyncio.TimerHandle | None = None
    due_at: float = 0.0
    missed: tuple[str | None, str, float] | None = None
    is_ended: bool = False
    is_over: bool = False

    @property
    def text(self) -> str:
        return "".join(part.message for part in self.parts)

    def has(self, sms: InboundSms) -> bool:
        """True for a part that came again."""
        return any((part.number, part.message) == (sms.sending_id, sms.message) for part in self.parts)

    def as_sms(self, message: str, message_id: str) -> InboundSms:
        """The whole, or what is left of it, as received when it began."""
        device_id, sender = self.key
        return InboundSms(
            device_id=device_id,
            sender=sender,
            message=message,
            sent_at=self.since,
            slot_index=self.parts[0].slot_index,
            message_id=message_id,
        )


class LongSms:
    """Takes every message of every line, and records it: at once, or with what it continues."""

    def __init__(self, store: Store, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._store = store
        self._patience_seconds = patience_seconds
        self._wholes: dict[_Key, _Whole] = {}
        self._stored: dict[_Key, list[_Whole]] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def resume(self) -> None:
        """Go on with what is on disk. Raises Unavailable."""
        async with self._store.reading() as connection:
            parts = await list_parts(connection)
            wholes = [_of_parts(list(group)) for _, group in groupby(parts, attrgetter("message_id"))]
            keys = {whole.message_id: self._repeat_key(whole) for whole in wholes}
            stored: dict[str, Sms] = {}
            for start in range(0, len(wholes), _AT_ONCE):
                some = [keys[whole.message_id] for whole in wholes[start : start + _AT_ONCE]]
                stored |= await find_repeats(connection, some)
        for whole in wholes:
            if keys[whole.message_id] in stored:
                self._is_stored(whole)
                continue
            self._wholes.setdefault(whole.key, whole)
            whole.is_ended = not is_full(whole.parts[-1].message) or self._wholes[whole.key] is not whole
            self._wait(whole, 0 if whole.is_ended else self._patience_seconds)

    def _repeat_key(self, whole: _Whole) -> str:
        return SmsChange(whole.as_sms("", whole.message_id), self._store.clock()).repeat_keys()[0]

    async def take(self, sms: InboundSms) -> None:
        """It is on disk when this returns. Raises NotFound for an unknown line, Unavailable."""
        key = sms.device_id, sms.sender
        if any(whole.has(sms) for whole in self._stored.get(key, ())):
            return
        while (whole := self._wholes.get(key)) is not None or self._may_begin(sms):
            whole = whole or self._begin(key, sms)
            async with whole.lock:
                if not whole.is_over and await self._add(whole, sms):
                    return
        await record_sms(self._store, sms)

    def _may_begin(self, sms: InboundSms) -> bool:
        """True for a first part; never of a line that is not let in yet, as `ingest` has to say so."""
        device = self._store.fleet.find(sms.device_id)
        return device is not None and not device.is_pending and is_full(sms.message)

    def _begin(self, key: _Key, sms: InboundSms) -> _Whole:
        now = self._store.clock()
        whole = self._wholes[key] = _Whole(f"parts-{sms.sending_id}-{now}", key, now)
        return whole

    async def _add(self, whole: _Whole, sms: InboundSms) -> bool:
        """One part more; False where it is none of this whole. Raises Unavailable."""
        if whole.has(sms):
            return True
        self._must_be_next(whole, sms)
        if not whole.parts and not is_full(sms.message):
            self._drop(whole)  # its first part was never stored, nor said again
            return False
        try:
            await self._keep(whole, sms)
        except BaseException:
            whole.missed = (sms.sending_id, sms.message, _now() + _MISSED_SECONDS)
            self._wait(whole, self._patience_seconds)
            raise
        if is_full(sms.message) and len(whole.parts) < _MOST_PARTS:
            self._wait(whole, self._patience_seconds)
        else:
            await self._finish(whole)
        return True

    def _must_be_next(self, whole: _Whole, sms: InboundSms) -> None:
        """What could not be stored comes again first: else the text would be out of order. Raises Unavailable."""
        missed, whole.missed = whole.missed, None
        is_waited_for = (
            missed is not None and missed[:2] != (sms.sending_id, sms.message) and _now() < missed[2]
        )
        if is_waited_for or whole.is_ended:
            whole.missed = missed
            raise Unavailable("what came before is not stored yet", retry_after_seconds=3)

    async def _keep(self, whole: _Whole, sms: InboundSms) -> None:
        device_id, sender = whole.key
        number, place = sms.sending_id or "", len(whole.parts)
        now = self._store.clock()
        part = SmsPart(whole.message_id, place, device_id, sender, number, sms.message, sms.slot_index, now)
        await self._store.transact(partial(put_part, part=part))
        whole.parts.append(part)

    async def _finish(self, whole: _Whole) -> None:
        """All that will come is on disk: store the whole, now or as soon as that can be done."""
        whole.is_ended = True
        try:
            await self._record(whole)
        except NotFound:  # an operator removed the line
            self._is_stored(whole)
        except Exception as trouble:
            log.warning("dbl.long_sms_not_stored_yet", line=whole.key[0], reason=str(trouble))
            self._wait(whole, _AGAIN_SECONDS)
        else:
            self._is_stored(whole)

    async def _record(self, whole: _Whole) -> None:
        text = whole.text
        stored, is_repeat = await record_sms(self._store, whole.as_sms(text, whole.message_id))
        if is_repeat and stored.message != text:  # a commit whose answer was lost, and a part came after it
            rest = text.removeprefix(stored.message)
            await record_sms(self._store, whole.as_sms(rest, f"{whole.message_id}-rest"))

    def _drop(self, whole: _Whole) -> None:
        """It is nobody's concern any more."""
        whole.is_over = True
        if whole.timer is not None:
            whole.timer.cancel()
        if self._wholes.get(whole.key) is whole:
            del self._wholes[whole.key]

    def _is_stored(self, whole: _Whole) -> None:
        """Its parts are still known for a while, then forgotten."""
        self._drop(whole)
        self._stored.setdefault(whole.key, []).append(whole)
        self._wait(whole, _KNOWN_SECONDS)

    def _wait(self, whole: _Whole, seconds: float) -> None:
        if whole.timer is not None:
            whole.timer.cancel()
            self._timers.discard(whole.timer)
        whole.due_at = _now() + seconds
        whole.timer = asyncio.get_running_loop().call_later(seconds, self._wake, whole)
        self._timers.add(whole.timer)

    def _wake(self, whole: _Whole) -> None:
        if whole.timer is not None:
            self._timers.discard(whole.timer)
        task = asyncio.create_task(self._go_on(whole))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _go_on(self, whole: _Whole) -> None:
        async with whole.lock:
            if _now() < whole.due_at:
                return  # a part came while this one waited for the lock
            if whole.is_over:
                await self._forget(whole)
            elif whole.parts:
                await self._finish(whole)
            else:
                self._drop(whole)

    async def _forget(self, whole: _Whole) -> None:
        known = self._stored.get(whole.key, [])
        if whole in known:
            known.remove(whole)
        if not known:
            self._stored.pop(whole.key, None)
        try:
            await self._store.transact(partial(forget_parts, message_id=whole.message_id))
        except Unavailable as trouble:  # the next start finds that the whole is stored
            log.info("dbl.parts_not_forgotten", line=whole.key[0], reason=trouble.message)

    async def close(self) -> None:
        """Wait for nothing more; what waits is on disk."""
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for timer in self._timers:
            timer.cancel()


def _of_parts(parts: Sequence[SmsPart]) -> _Whole:
    """What is on disk of a whole."""
    first = parts[0]
    return _Whole(first.message_id, (first.device_id, first.sender), first.received_at, list(parts))


def _now() -> float:
    return asyncio.get_running_loop().time()
