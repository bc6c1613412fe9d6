"""What textbee tells, whichever half of it speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from goip.gateways import Push
from goip.gateways.textbee.calls import Name, call_of
from goip.gateways.textbee.phone import heartbeat, received, registered, report
from goip.gateways.textbee.webhooks import decode_event, is_hearsay_event
from goip.models import Told

_DECODERS: Mapping[Name, Callable[[Push], Sequence[Told]]] = {
    "register": registered,
    "update": registered,
    "receive": received,
    "status": report,
    "heartbeat": heartbeat,
    "webhook": decode_event,
}


def decode(push: Push) -> Sequence[Told]:
    """What a call of the phone app, or an event of the server, tells. Raises InvalidPayload, Unauthorized."""
    told = _DECODERS.get(call_of(push).name)
    return () if told is None else told(push)


def is_hearsay(push: Push) -> bool:
    """True when textbee's server tells of a phone that it may not have heard of itself."""
    return call_of(push).name == "webhook" and is_hearsay_event(push)
