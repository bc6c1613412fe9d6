"""What a box answered when it was asked, decoded again."""

from __future__ import annotations

from collections.abc import Sequence

from goip.gateways.ejoin.status import decode_status
from goip.gateways.ejoin.stored import decode_stored
from goip.gateways.ejoin.values import object_in
from goip.models import Told


def told_by_answer(box: str, said: bytes) -> Sequence[Told]:
    """What it tells: its state, or what its memory holds; nothing for the state of a task. Raises InvalidPayload."""
    kind = object_in(said).get("type")
    if kind == "dev-status":
        return (decode_status(box, said),)
    return () if kind == "task-status" else decode_stored(said, box).told
