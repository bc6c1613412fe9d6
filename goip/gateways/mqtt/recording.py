"""What was published, committed: the broker let its publisher in, and that is all the proof it needs."""

from __future__ import annotations

from goip.errors import NotFound
from goip.gateways.mqtt import MAKE
from goip.gateways.mqtt.decode import Departure, address_of, told_by
from goip.ingest import Enrolment, record_departure, record_heartbeat, record_note, record_sms
from goip.models import Heartbeat, InboundSms, Note
from goip.store.store import Store
from goip.wirelog.exchange import about

_GONE = "it said goodbye, or its broker lost it"


async def record(store: Store, topic: str, payload: bytes, *, needs_approval: bool) -> None:
    """Commit it; an unknown device is registered by whatever it says first, and waits with `needs_approval`.

    Raises InvalidPayload, Forbidden, NotFound for what cannot be taken, Unavailable when it cannot be stored now.
    """
    address = address_of(topic)
    if store.fleet.find(address.device_id) is not None:
        about(address.device_id)
    told = told_by(address, payload)
    if isinstance(told, Departure):
        await record_departure(store, told.device_id, _GONE)
        return
    enrolment = Enrolment(None, MAKE, is_pending=needs_approval)
    if isinstance(told, Heartbeat):
        await record_heartbeat(store, told, enrolment=enrolment)
    else:
        await _record_of_known_or_new(store, told, enrolment)
    about(address.device_id)


async def _record_of_known_or_new(store: Store, told: InboundSms | Note, enrolment: Enrolment) -> None:
    try:
        await _record_of_known(store, told)
    except NotFound:
        await record_heartbeat(store, Heartbeat(told.device_id), enrolment=enrolment)
        await _record_of_known(store, told)


async def _record_of_known(store: Store, told: InboundSms | Note) -> None:
    if isinstance(told, InboundSms):
        await record_sms(store, told)
    else:
        await record_note(store, told)
