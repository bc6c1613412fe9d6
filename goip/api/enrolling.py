"""`auth.enrolling` with what the application holds."""

from __future__ import annotations

from aiohttp import web

from goip.api.appkeys import CONFIG, KEYRING, STORE
from goip.auth import enrolling
from goip.auth.gateways import Admission
from goip.ingest import HeartbeatOutcome
from goip.models import Heartbeat


async def record_or_enrol(
    app: web.Application, beat: Heartbeat, admission: Admission, address: str | None, *, make: str = "http"
) -> tuple[HeartbeatOutcome, str | None]:
    """Commit the heartbeat; an enrolling device gets a key of its own, in the same commit.

    Where it has to be adopted and does not say its `ip_address`, whoever adopts it is shown the caller's.
    """
    needs_approval = app[CONFIG].enrollment == "approve"
    if needs_approval and admission.device is None and beat.ip_address is None:
        beat = beat._replace(ip_address=address)
    return await enrolling.record_or_enrol(
        app[STORE], app[KEYRING], beat, admission, make=make, needs_approval=needs_approval
    )
