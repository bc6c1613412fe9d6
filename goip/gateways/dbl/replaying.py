"""What one datagram of a box tells, of itself: not knowing how its line was before."""

from __future__ import annotations

from collections.abc import Sequence

from goip.errors import InvalidPayload
from goip.gateways.dbl.decode import heartbeat_of, sms_of
from goip.gateways.dbl.events import news_of
from goip.gateways.dbl.packets import KEEPALIVE, RECEIVE, parse
from goip.models import Told


def told_by_datagram(datagram: bytes) -> Sequence[Told]:
    """What it tells; nothing for verbs without a meaning here. Raises InvalidPayload."""
    packet = parse(datagram)
    if packet is None:
        raise InvalidPayload("this is not what a box says of its own accord", code="no_packet")
    if packet.kind == KEEPALIVE:
        return (heartbeat_of(packet),)
    if packet.kind == RECEIVE:
        return (sms_of(packet),)
    beat, notes = news_of(packet, None)
    return notes if beat is None else (beat, *notes)
