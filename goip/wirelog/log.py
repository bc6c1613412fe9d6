"""The wire log: what devices sent last, and who knocks without being let in."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

from goip.clock import Clock
from goip.errors import NotFound
from goip.wirelog.exchange import Exchange, going_on
from goip.wirelog.frames import Frame, masked_body, masked_head
from goip.wirelog.masking import mask
from goip.wirelog.shelf import Shelf

log = structlog.get_logger(__name__)

MOST_OF_A_DEVICE = 50
MOST_BYTES = 4_000_000
MOST_OF_A_STRANGER = 10
MOST_STRANGERS = 100
MOST_BYTES_OF_STRANGERS = 500_000
MOST_A_SECOND = 500
"""Exchanges of devices: what is beyond is not kept, so that keeping never takes much of the time."""
MOST_OF_STRANGERS_A_SECOND = 10
MOST_OF_A_STRANGER_A_SECOND = 2
_IDS_A_MS = 1_000


class WireLog:
    """Keeps what became of exchanges, in memory, without their secrets.

    `claim` reads who a stranger says it is; `on_frame` is called with every frame that is kept. A stranger is known
    by its address.
    """

    def __init__(
        self,
        clock: Clock,
        claim: Callable[[Frame], str | None] = lambda frame: None,
        on_frame: Callable[[Frame], None] = lambda frame: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._claim = claim
        self._on_frame = on_frame
        self._ids = itertools.count(clock() * _IDS_A_MS)  # higher than before the last restart
        self._devices = Shelf(MOST_OF_A_DEVICE, MOST_BYTES, MOST_BYTES)
        self._strangers = Shelf(MOST_OF_A_STRANGER, MOST_STRANGERS, MOST_BYTES_OF_STRANGERS)
        self._pace = _Pace(MOST_A_SECOND, monotonic)
        self._pace_of_strangers = _Pace(MOST_OF_STRANGERS_A_SECOND, monotonic)

    @contextmanager
    def keeping(self, exchange: Exchange) -> Iterator[None]:
        """Within this the exchange goes on; after it, what became of it is kept."""
        with going_on(exchange):
            try:
                yield
            finally:
                self._keep(exchange)

    def frames_of(self, device_id: str) -> list[Frame]:
        """The frames that are about this device, newest first; those of strangers who claim to be it, too."""
        claimed = [frame for frame in self._strangers if frame.device_id == device_id]
        return _newest_first([*self._devices.frames_of(device_id), *claimed])

    def frames(self, *, of_strangers: bool | None = None) -> list[Frame]:
        """The frames of strangers, or of devices, or of both, newest first."""
        devices = () if of_strangers else self._devices
        strangers = () if of_strangers is False else self._strangers
        return _newest_first([*devices, *strangers])

    def get(self, frame_id: int) -> Frame:
        """The frame of that id. Raises NotFound when there is none, or none any more."""
        frame = self._devices.find(frame_id) or self._strangers.find(frame_id)
        if frame is None:
            raise NotFound("this frame is not kept, or not any more", code="unknown_frame")
        return frame

    def forget(self, device_id: str) -> None:
        """The device was removed."""
        self._devices.forget(device_id)

    def _keep(self, exchange: Exchange) -> None:
        """To keep a frame is never a reason for a request to fail."""
        try:
            if exchange.device_ids:
                self._keep_of_devices(exchange)
            else:
                self._keep_of_stranger(exchange)
        except Exception:
            log.exception("wirelog.defect", make=exchange.make, transport=exchange.transport)

    def _keep_of_devices(self, exchange: Exchange) -> None:
        if not self._pace.allows():
            return
        frames = self._frames_in(exchange)
        for device_id in exchange.device_ids:
            for frame in frames:
                own = frame._replace(id=next(self._ids), device_id=device_id, is_admitted=True)
                self._devices.put(device_id, own)
                self._on_frame(own)

    def _keep_of_stranger(self, exchange: Exchange) -> None:
        address, at = exchange.address, exchange.at
        known = self._strangers.frames_of(address)
        n_heard = sum(frame.direction == "in" and at - frame.at < 1000 for frame in known)
        if n_heard >= MOST_OF_A_STRANGER_A_SECOND or not self._pace_of_strangers.allows():
            return
        frames = self._frames_in(exchange)
        claimed = self._claim(frames[0])
        for frame in frames:
            own = frame._replace(id=next(self._ids), device_id=claimed)
            self._strangers.put(address, own)
            self._on_frame(own)

    def _frames_in(self, exchange: Exchange) -> list[Frame]:
        """What was heard, if anything was, and then what was answered."""
        secrets = exchange.secrets
        reason = exchange.reason and mask(exchange.reason.encode("utf-8", "replace"), secrets).decode()
        answers = [_frame(exchange, "out", head, body, None) for head, body in exchange.answers]
        if exchange.body is None:
            return answers
        return [_frame(exchange, "in", exchange.head, exchange.body, reason), *answers]


def _frame(
    exchange: Exchange, direction: Literal["in", "out"], head: str | None, body: bytes, reason: str | None
) -> Frame:
    secrets = exchange.secrets
    kept_head = None if head is None else masked_head(head, secrets)
    kept_body, is_cut = masked_body(body, kept_head, secrets)
    return Frame(
        id=0,
        at=exchange.at,
        device_id=None,
        is_admitted=False,
        key_device_id=exchange.key_device_id,
        direction=direction,
        transport=exchange.transport,
        make=exchange.make,
        address=exchange.address,
        verdict=exchange.verdict,
        reason=reason,
        head=kept_head,
        body=kept_body,
        n_bytes=len(body),
        is_cut=is_cut,
    )


def _newest_first(frames: list[Frame]) -> list[Frame]:
    return sorted(frames, key=lambda frame: frame.id, reverse=True)


class _Pace:
    """So many in each second of the clock."""

    def __init__(self, most: int, monotonic: Callable[[], float]) -> None:
        self._most = most
        self._monotonic = monotonic
        self._second = 0
        self._n = 0

    def allows(self) -> bool:
        """Count one more, and say whether there is room for it."""
        second = int(self._monotonic())
        if second != self._second:
            self._second, self._n = second, 0
        self._n += 1
        return self._n <= self._most
