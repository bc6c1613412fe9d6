"""The UDP socket that GoIP boxes report to.

A packet is answered when what it says is on disk; what we cannot store is not answered, and the box sends it
again. Answers go to the very address that a packet came from: each line has a port of its own, and a NAT in
between may change it at any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import structlog

from goip.auth.attempts import Attempts
from goip.auth.enrolling import record_or_enrol
from goip.auth.gateways import Admission, admit, find_gateway_key
from goip.auth.keys import Keyring
from goip.errors import GoipError, Unauthorized, Unavailable
from goip.gateways.dbl.decode import heartbeat_of, line_id_of, sms_of
from goip.gateways.dbl.packets import KEEPALIVE, RECEIVE, Packet, accept, parse, refuse
from goip.ingest import record_sms
from goip.store.store import Store

log = structlog.get_logger(__name__)

MAKE = "dbl"
_LONGEST_DATAGRAM = 8_192
_MOST_AT_ONCE = 5_000
_FREE_TRIES = 10
_LONGEST_WAIT_SECONDS = 60
"""A box whose password was mended is to be online within its next two keepalives."""

Address = tuple[Any, ...]
Allow = Callable[[str], bool]
"""True when this address may send one more packet."""


class DblListener(asyncio.DatagramProtocol):
    """Takes the packets of lines; `allow` bounds what one address may send."""

    def __init__(self, store: Store, keyring: Keyring, allow: Allow, *, needs_approval: bool) -> None:
        self._store = store
        self._keyring = keyring
        self._allow = allow
        self._needs_approval = needs_approval
        self._tries = Attempts(store.clock, free=_FREE_TRIES, longest_seconds=_LONGEST_WAIT_SECONDS)
        self._transport: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """One packet; a stranger's costs no more than its reading."""
        if len(data) > _LONGEST_DATAGRAM or len(self._tasks) >= _MOST_AT_ONCE or not self._allow(addr[0]):
            return
        packet = parse(data)
        if packet is None:
            return
        task = asyncio.create_task(self._take(packet, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop listening; what is being stored is still answered."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        if self._transport is not None:
            self._transport.close()

    async def _take(self, packet: Packet, address: Address) -> None:
        guesser = (address[0], packet.line_id)
        if self._tries.seconds_to_wait(guesser):
            return
        try:
            answer = await self._record(packet)
            self._tries.forget(guesser)
        except Unavailable as trouble:
            log.info("dbl.unanswered", line=packet.line_id, reason=trouble.message)
            return
        except GoipError as refusal:
            if isinstance(refusal, Unauthorized):
                self._tries.count(guesser)
            log.info("dbl.refused", line=packet.line_id, address=address[0], reason=refusal.message)
            answer = refuse(packet, refusal.message)
        except Exception:
            log.exception("dbl.defect", verb=packet.verb)
            return
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, address)

    async def _record(self, packet: Packet) -> bytes:
        """Commit what the packet says; returns the answer."""
        line_id = line_id_of(packet)
        key = find_gateway_key(self._keyring, packet.password or None)
        admission = admit(self._keyring, self._store.fleet, key, line_id)
        if packet.verb == KEEPALIVE:
            await self._beat(packet, admission)
        elif packet.verb == RECEIVE:
            await record_sms(self._store, sms_of(packet))
        return accept(packet)

    async def _beat(self, packet: Packet, admission: Admission) -> None:
        await record_or_enrol(
            self._store,
            self._keyring,
            heartbeat_of(packet),
            admission,
            make=MAKE,
            needs_approval=self._needs_approval,
        )
