"""What httpSMS tells, whichever half of it speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from goip.gateways import Push
from goip.gateways.httpsms.calls import Name, call_of
from goip.gateways.httpsms.phone import heartbeats, logged_in, missed_call, received, report
from goip.gateways.httpsms.webhooks import decode_event, is_hearsay_event
from goip.models import Told

_DECODERS: Mapping[Name, Callable[[Push], Sequence[Told]]] = {
    "receive": received,
    "missed": missed_call,
    "events": report,
    "heartbeats": heartbeats,
    "phone": logged_in,
    "webhook": decode_event,
}


def decode(push: Push) -> Sequence[Told]:
    """What a call of the phone app, or an event of the server, tells. Raises InvalidPayload, Unauthorized."""
    told = _DECODERS.get(call_of(push).name)
    return () if told is None else told(push)


def is_hearsay(push: Push) -> bool:
    """True when httpSMS' server tells of a phone that it may not have heard of itself."""
    return call_of(push).name == "webhook" and is_hearsay_event(push)
