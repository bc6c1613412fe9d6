"""Long messages, which a box hands over part by part without saying so, made whole again.

Each part is full to the last letter, save the last: so a full one may go on, and what the same sender says next on
the same line, within a minute, is its continuation. A part is on disk, as a fact of its line, before it is
acknowledged; a server that starts again goes on with those that it finds there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from goip.errors import NotFound, Unavailable
from goip.gateways.gsm import septets
from goip.ingest import SmsChange, record_note, record_sms
from goip.models import InboundSms, Sms, SmsPart
from goip.store.facts import list_named_facts
from goip.store.sms import find_repeats
from goip.store.store import Store
from goip.wire import SMS_PART, event_data, sms_part_of

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 60.0
"""Parts were seen half a minute apart."""
_KEPT_MS = 120_000
_AGAIN_SECONDS = 5.0
_MOST_PARTS = 20
"""As many as any box takes: the text of a packet has 3,000 bytes."""
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


@dataclass(eq=False)
class _Whole:
    """A message in the making; `lock` is held by whoever adds to it."""

    message_id: str
    since: int
    parts: list[SmsPart] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    timer: asyncio.TimerHandle | None = None
    is_over: bool = False

    @property
    def text(self) -> str:
        return "".join(part.message for part in self.parts)

    def has(self, sms: InboundSms) -> bool:
        """True for a part that came again."""
        return any((part.number, part.message) == (sms.sending_id, sms.message) for part in self.parts)


_Key = tuple[str, str]
"""The line, and who writes to it."""


class LongSms:
    """Takes every message of every line, and records it: at once, or with what it continues."""

    def __init__(self, store: Store, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._store = store
        self._patience_seconds = patience_seconds
        self._wholes: dict[_Key, _Whole] = {}
        self._ends: dict[_Key, tuple[int, str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def resume(self) -> None:
        """Go on with the parts that are on disk. Raises Unavailable."""
        now = self._store.clock()
        wholes: dict[str, _Whole] = {}
        async with self._store.reading() as connection:
            for fact in await list_named_facts(connection, SMS_PART, since=now - _KEPT_MS):
                part = sms_part_of(event_data(fact))
                wholes.setdefault(part.message_id, _Whole(part.message_id, fact.at)).parts.append(part)
            keys = {
                whole.message_id: SmsChange(_message(whole), now).repeat_keys()[0]
                for whole in wholes.values()
            }
            stored = await find_repeats(connection, list(keys.values()))
        for message_id, whole in wholes.items():
            self._go_on(whole, stored.get(keys[message_id]), now)

    def _go_on(self, whole: _Whole, stored: Sms | None, now: int) -> None:
        """Wait for the rest; of one that is stored, its last part may come again, if our answer was lost."""
        key = _key_of(whole.parts[0])
        if stored is None:
            self._wholes[key] = whole
            self._wait(whole, self._patience_seconds - (now - whole.since) / 1000)
        else:
            self._ends[key] = now, stored.message.removeprefix(whole.text)

    async def take(self, sms: InboundSms) -> None:
        """It is on disk when this returns. Raises NotFound for an unknown line, Unavailable."""
        key = sms.device_id, sms.sender
        while (whole := self._wholes.get(key)) is not None or self._begins(sms):
            whole = whole or self._begin(key, sms)
            async with whole.lock:
                if not whole.is_over:
                    await self._add(whole, sms)
                    return
        if not self._is_known_end(key, sms):
            await record_sms(self._store, sms)

    def _begins(self, sms: InboundSms) -> bool:
        """True for a first part; never of a line that is not let in yet, as `ingest` has to say so."""
        device = self._store.fleet.find(sms.device_id)
        return device is not None and not device.is_pending and is_full(sms.message)

    def _is_known_end(self, key: _Key, sms: InboundSms) -> bool:
        at, text = self._ends.get(key, (0, ""))
        return text == sms.message and self._store.clock() - at < _KEPT_MS

    def _begin(self, key: _Key, sms: InboundSms) -> _Whole:
        now = self._store.clock()
        whole = self._wholes[key] = _Whole(f"parts-{sms.sending_id}-{now}", now)
        return whole

    async def _add(self, whole: _Whole, sms: InboundSms) -> None:
        if whole.has(sms):
            return
        if not is_full(sms.message) or len(whole.parts) == _MOST_PARTS:
            await self._finish(whole, sms.message)
            return
        part = SmsPart(
            sms.device_id, sms.sender, sms.message, whole.message_id, sms.sending_id or "", sms.slot_index
        )
        try:
            await record_note(self._store, part)
        except BaseException:
            if not whole.parts:
                self._end(whole, _key_of(part))
            raise
        whole.parts.append(part)
        self._wait(whole, self._patience_seconds)

    async def _finish(self, whole: _Whole, rest: str = "") -> None:
        await record_sms(self._store, _message(whole, rest))
        self._end(whole, _key_of(whole.parts[0]))

    def _end(self, whole: _Whole, key: _Key) -> None:
        whole.is_over = True
        if whole.timer is not None:
            whole.timer.cancel()
        if self._wholes.get(key) is whole:
            del self._wholes[key]

    def _wait(self, whole: _Whole, seconds: float) -> None:
        if whole.timer is not None:
            whole.timer.cancel()
        whole.timer = asyncio.get_running_loop().call_later(max(seconds, 0), self._give_up_soon, whole)

    def _give_up_soon(self, whole: _Whole) -> None:
        task = asyncio.create_task(self._give_up(whole))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _give_up(self, whole: _Whole) -> None:
        """Nothing followed: what is there is the message."""
        async with whole.lock:
            if whole.is_over:
                return
            try:
                await self._finish(whole)
            except Unavailable as trouble:
                log.warning("dbl.parts_not_stored_yet", line=whole.parts[0].device_id, reason=trouble.message)
                self._wait(whole, _AGAIN_SECONDS)
            except NotFound:  # an operator removed the line
                self._end(whole, _key_of(whole.parts[0]))

    async def close(self) -> None:
        """Wait for nothing more; what waits is on disk."""
        for whole in self._wholes.values():
            if whole.timer is not None:
                whole.timer.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _key_of(part: SmsPart) -> _Key:
    return part.device_id, part.sender


def _message(whole: _Whole, rest: str = "") -> InboundSms:
    """The whole, as far as it came."""
    first = whole.parts[0]
    return InboundSms(
        device_id=first.device_id,
        sender=first.sender,
        message=whole.text + rest,
        sent_at=whole.since,
        slot_index=first.slot_index,
        message_id=whole.message_id,
    )
