"""How an unknown device comes in, whichever way its first word came."""

from __future__ import annotations

from aiohttp import web

from goip.api.appkeys import CONFIG, KEYRING, STORE
from goip.auth.gateways import Admission
from goip.auth.keys import DEVICE, hash_key, new_key
from goip.ingest import Enrolment, HeartbeatOutcome, record_heartbeat
from goip.models import Heartbeat


async def record_or_enrol(
    app: web.Application, beat: Heartbeat, admission: Admission
) -> tuple[HeartbeatOutcome, str | None]:
    """Commit the heartbeat; an enrolling device gets a key of its own, in the same commit."""
    if admission.device is not None or not admission.is_enrolling:
        return await record_heartbeat(app[STORE], beat), None
    keyring = app[KEYRING]
    if app[CONFIG].enrollment == "approve":
        return await record_heartbeat(app[STORE], beat, enrolment=Enrolment(None, is_pending=True)), None
    key = new_key(DEVICE)
    outcome = await record_heartbeat(app[STORE], beat, enrolment=Enrolment(hash_key(key)))
    if not outcome.is_new:  # a twin of this request was first
        return outcome, None
    keyring.learn(outcome.device, hash_key(key))
    return outcome, key
