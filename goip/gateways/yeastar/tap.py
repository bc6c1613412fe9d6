"""What is said on a connection to a box, for the wire log; and what one block of it tells of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from goip.addresses import BoxAddress
from goip.clock import Clock
from goip.errors import InvalidPayload
from goip.gateways.yeastar.ami import Splitter
from goip.gateways.yeastar.decode import RECEIVED, SENT, part_of, report_of, sms_of
from goip.gateways.yeastar.keeping import MAKE
from goip.models import Told
from goip.wirelog.exchange import Exchange, Keeping, about, answered, showed


class Tap:
    """Begins the exchanges of one connection. Whom they are about is certain: goip dialled the box."""

    def __init__(self, keeping: Keeping, clock: Clock, box: BoxAddress, address: str) -> None:
        self._keeping = keeping
        self._clock = clock
        self._box = box
        self._address = address

    @contextmanager
    def hearing(self, said: bytes | None, *, is_kept: bool = True) -> Iterator[None]:
        """Within this goes on what comes of it; nothing does where it is not to be kept."""
        if not is_kept:
            yield
            return
        with self._keeping(Exchange(self._clock(), "tcp", MAKE, self._address, said)):
            about(self._box.name, by_key=True)
            showed(self._box.secret)
            yield

    def say(self, words: bytes) -> None:
        """goip says this, of its own accord."""
        with self.hearing(None):
            answered(words)


def told_by_block(box: str, said: bytes) -> Sequence[Told]:
    """What it tells: a received message, or one part of it, or a report; nothing for answers. Raises InvalidPayload."""
    blocks = Splitter().feed(said)
    if len(blocks) != 1:
        raise InvalidPayload("this is not one whole block of a box", code="no_block")
    [block] = blocks
    if block.event == RECEIVED:
        return (sms_of(box, part_of(block)),)
    return (report_of(box, block),) if block.event == SENT else ()
