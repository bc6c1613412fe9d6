"""Long messages, joined of their parts. Pure but for what it remembers."""

from __future__ import annotations

from typing import NamedTuple

from goip.gateways.yeastar.decode import Part

_PATIENCE_MS = 10 * 60_000
_MOST_UNFINISHED = 1_000
_MISSING = "[…]"

_Key = tuple[int, str, str, int]


class _Unfinished(NamedTuple):
    since: int
    parts: dict[int, Part]


class Parts:
    """Gives a message out when its last part has come, or when nobody waits for that any more.

    The number by which parts belong together is used again, after 255 messages: so it is good for a while.
    """

    def __init__(self) -> None:
        self._unfinished: dict[_Key, _Unfinished] = {}

    def add(self, part: Part, now: int) -> list[Part]:
        """What is whole with this part, at `now` in ms; and first what can be whole no more because of it."""
        if part.n_parts <= 1:
            return [part]
        key = (part.slot_index, part.sender, part.id, part.n_parts)
        given_up: list[Part] = []
        known = self._unfinished.get(key)
        if known is not None and known.parts.get(part.place, part).text != part.text:
            given_up = [_joined(self._unfinished.pop(key).parts)]
        elif known is None and len(self._unfinished) >= _MOST_UNFINISHED:
            given_up = [_joined(self._unfinished.pop(next(iter(self._unfinished))).parts)]
        parts = self._unfinished.setdefault(key, _Unfinished(now, {})).parts
        parts[part.place] = part
        if len(parts) < part.n_parts:
            return given_up
        return [*given_up, _joined(self._unfinished.pop(key).parts)]

    def overdue(self, now: int) -> list[Part]:
        """The messages that wait too long for a part, as far as they came."""
        late = [key for key, (since, _) in self._unfinished.items() if now - since >= _PATIENCE_MS]
        return [_joined(self._unfinished.pop(key).parts) for key in late]

    def rest(self) -> list[Part]:
        """All that is not whole: nobody will wait for the rest of it."""
        unfinished, self._unfinished = self._unfinished, {}
        return [_joined(parts) for _, parts in unfinished.values()]


def _joined(parts: dict[int, Part]) -> Part:
    """One message; a part that is missing is shown as such."""
    first = parts[min(parts)]
    begin = 0 if 0 in parts else 1
    texts = [parts[n].text if n in parts else _MISSING for n in range(begin, begin + first.n_parts)]
    return first._replace(text="".join(texts), place=1, n_parts=1)
