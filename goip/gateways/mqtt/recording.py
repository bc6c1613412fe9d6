"""What was published, committed: the broker let its publisher in, and that is all the proof it needs."""

from __future__ import annotations

from collections.abc import Callable

from goip.digest import digest_of
from goip.errors import Forbidden, NotFound
from goip.gateways import never
from goip.gateways.mqtt import MAKE
from goip.gateways.mqtt.decode import Departure, address_of, told_by
from goip.ingest import Enrolment, record_departure, record_heartbeat, record_note_once, record_sms
from goip.models import Heartbeat, InboundSms, Note
from goip.once import Once
from goip.store.store import Store
from goip.wirelog.exchange import about

_GONE = "it said goodbye, or its broker lost it"


class Recorder:
    """Registers an unknown device by whatever it says first; it waits for an operator with `needs_approval`.

    One that `is_turned_away` is not heard unless it is known for good.
    """

    def __init__(
        self, store: Store, *, needs_approval: bool = False, is_turned_away: Callable[[str], bool] = never
    ) -> None:
        self._store = store
        self._enrolment = Enrolment(None, MAKE, is_pending=needs_approval)
        self._is_turned_away = is_turned_away
        self._told = Once()

    async def record(self, topic: str, payload: bytes) -> None:
        """Commit a publication.

        Raises InvalidPayload, Forbidden, NotFound for what cannot be taken, Unavailable when it cannot be stored now.
        """
        address = address_of(topic)
        self._admit(address.device_id)
        told = told_by(address, payload)
        if isinstance(told, Departure):
            await record_departure(self._store, told.device_id, _GONE)
        elif isinstance(told, Heartbeat):
            await record_heartbeat(self._store, told, enrolment=self._enrolment)
        else:
            await self._record_of_known_or_new(told, digest_of(topic, payload))
        about(address.device_id)

    def _admit(self, device_id: str) -> None:
        device = self._store.fleet.find(device_id)
        if device is not None:
            about(device_id)
        if (device is None or device.is_pending) and self._is_turned_away(device_id):
            raise Forbidden("an operator turned this device away", code="device_rejected")

    async def _record_of_known_or_new(self, told: InboundSms | Note, said: str) -> None:
        try:
            await self._record_of_known(told, said)
        except NotFound:
            await record_heartbeat(self._store, Heartbeat(told.device_id), enrolment=self._enrolment)
            await self._record_of_known(told, said)

    async def _record_of_known(self, told: InboundSms | Note, said: str) -> None:
        if isinstance(told, InboundSms):
            await record_sms(self._store, told)
        else:
            await record_note_once(self._store, told, self._told, said)
