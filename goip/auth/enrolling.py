"""How an unknown device comes in, whichever way its first word came."""

from __future__ import annotations

from goip.auth.gateways import Admission
from goip.auth.keys import DEVICE, Keyring, hash_key, new_key
from goip.ingest import Enrolment, HeartbeatOutcome, record_heartbeat
from goip.models import Heartbeat
from goip.store.store import Store


async def record_or_enrol(
    store: Store,
    keyring: Keyring,
    beat: Heartbeat,
    admission: Admission,
    *,
    make: str = "http",
    needs_approval: bool = False,
) -> tuple[HeartbeatOutcome, str | None]:
    """Commit the heartbeat; an enrolling device gets a key of its own, in the same commit.

    With `needs_approval` it gets none, and waits for an operator. Raises Unavailable, NotFound.
    """
    if admission.device is not None or not admission.is_enrolling:
        return await record_heartbeat(store, beat), None
    if needs_approval:
        return await record_heartbeat(store, beat, enrolment=Enrolment(None, make, is_pending=True)), None
    key = new_key(DEVICE)
    outcome = await record_heartbeat(store, beat, enrolment=Enrolment(hash_key(key), make))
    if not outcome.is_new:  # a twin of this request was first
        return outcome, None
    keyring.learn(outcome.device, hash_key(key))
    return outcome, key
