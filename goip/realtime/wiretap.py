"""`network:log`: the wire log, told as it is written.

It is told in the room of the device to those who may operate, and is no part of the stream: it has no `seq`, comes
in no frame of it, and whoever does not read misses it.
"""

from __future__ import annotations

from goip.auth.principals import Permission
from goip.models import device_room
from goip.realtime.hub import Hub
from goip.wire import dumps
from goip.wirelog.frames import Frame, frame_json

EVENT = "network:log"


def tell_frame(hub: Hub, frame: Frame) -> None:
    """Tell a frame to whoever looks; encoded once, and not at all when nobody does."""
    if frame.device_id is None:
        return
    members = hub.members(device_room(frame.device_id))
    looking = [one for one in members if one.principal.may(Permission.OPERATE) and one.is_writable()]
    if looking:
        data = dumps(frame_json(frame))
        for one in looking:
            one.tell(EVENT, data)
