"""The UDP socket that GoIP boxes report to, and are asked through.

A packet is answered when what it says is on disk; what we cannot store is not answered, and the box sends it
again. Answers go to the very address that a packet came from: each line has a port of its own, and a NAT in
between may change it at any time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import cast

import structlog

from goip.auth.attempts import Attempts
from goip.auth.enrolling import record_or_enrol
from goip.auth.gateways import Admission, admit, find_gateway_key
from goip.auth.keys import Keyring
from goip.errors import GoipError, NotFound, Unauthorized, Unavailable
from goip.gateways.dbl.decode import heartbeat_of, line_id_of, sms_of
from goip.gateways.dbl.events import call_change, news_of
from goip.gateways.dbl.lines import Address, Line, Lines, host_of
from goip.gateways.dbl.long_sms import LongSms
from goip.gateways.dbl.packets import (
    KEEPALIVE,
    NEVER_ANSWERED,
    RECEIVE,
    Packet,
    accept,
    parse,
    parse_reply,
    refuse,
)
from goip.gateways.dbl.repeats import Repeats
from goip.gateways.dbl.sending import (
    PACE,
    CommandSession,
    Pace,
    SmsSession,
    UssdSession,
    body_of,
    dialled,
    known_command,
    ussd_code,
)
from goip.gateways.dbl.sessions import Sessions
from goip.gateways.dbl.strangers import Strangers
from goip.gateways.outcome import Outcome
from goip.ingest import record_heartbeat, record_note
from goip.models import Device, Ussd
from goip.store.store import Store
from goip.transitions import is_reboot
from goip.wirelog.exchange import Exchange, Keeping, about, answered, is_going_on, refused, showed

log = structlog.get_logger(__name__)

MAKE = "dbl"
_LONGEST_DATAGRAM = 8_192
_BUFFER_BYTES = 4_194_304
"""What Linux gives of it is bounded by net.core.rmem_max."""
_MOST_AT_ONCE = 5_000
_FREE_TRIES = 10
_LONGEST_WAIT_SECONDS = 60
"""A box whose password was mended is to be online within its next two keepalives."""
_PATIENCE_SECONDS = 5

Allow = Callable[[str], bool]
"""True when this address may send one more packet."""


class DblListener(asyncio.DatagramProtocol):
    """Takes the packets of lines; `networks` are those that may send any, `allow` bounds what one address may send.

    `keeping` keeps what is said in either direction for the wire log.
    """

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        allow: Allow,
        *,
        needs_approval: bool,
        networks: Sequence[str] = (),
        pace: Pace = PACE,
        keeping: Keeping = nullcontext,
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._allow = allow
        self._needs_approval = needs_approval
        self._pace = pace
        self._keeping = keeping
        self._strangers = Strangers(networks)
        self._tries = Attempts(store.clock, free=_FREE_TRIES, longest_seconds=_LONGEST_WAIT_SECONDS)
        self._repeats = Repeats()
        self._lines = Lines()
        self._sessions = Sessions(self._say)
        self._long_sms = LongSms(store)
        self._transport: asyncio.DatagramTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        own = transport.get_extra_info("socket")
        if own is not None:
            # A whole site comes back from a power cut in one second; a datagram without room is lost.
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """One packet; a stranger's costs no more than its reading."""
        host = host_of(addr)
        if len(data) > _LONGEST_DATAGRAM or self._strangers.turns_away(host) or not self._allow(host):
            return
        packet = parse(data)
        if packet is None or packet.kind in NEVER_ANSWERED:
            reply = parse_reply(data)
            with self._keeping(self._exchange(host, data)):
                if reply is not None:
                    self._sessions.hear(reply, addr)
            return
        if len(self._tasks) >= _MOST_AT_ONCE:
            return
        task = asyncio.create_task(self._keep(packet, addr, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send_sms(self, line_id: str, number: str, text: str) -> Outcome:
        """Let the line send a message; waits until it is known what became of it, 90 s at the most.

        Raises InvalidPayload for what no line can send, NotFound for an unknown line, Unavailable for one that
        was not heard from.
        """
        number, body = dialled(number), body_of(text)
        return await self._sessions.run(
            self._reachable(line_id), partial(SmsSession, number=number, body=body, pace=self._pace)
        )

    async def ask_ussd(self, line_id: str, code: str) -> Outcome:
        """Ask the line's network; what it answers is a fact of the line, too. Waits 120 s at the most.

        Raises InvalidPayload for what is no code, NotFound for an unknown line, Unavailable for one that was not
        heard from.
        """
        code = ussd_code(code)
        outcome = await self._sessions.run(
            self._reachable(line_id), partial(UssdSession, code=code, pace=self._pace)
        )
        if outcome.text is not None:
            try:
                await record_note(self._store, Ussd(line_id, outcome.text, slot_index=0))
            except GoipError as trouble:  # who asked has the answer all the same
                log.warning("dbl.ussd_not_recorded", line=line_id, reason=trouble.message)
        return outcome

    async def command(self, line_id: str, command: str) -> Outcome:
        """Ask the line something about itself, or let it end its call or start anew; `text` is what it answers.

        Raises InvalidPayload for a command that is none of `COMMANDS`, NotFound for an unknown line, Unavailable for
        one that was not heard from.
        """
        make = partial(CommandSession, command=known_command(command), pace=self._pace)
        return await self._sessions.run(self._reachable(line_id), make)

    async def resume(self) -> None:
        """Before listening: go on with long messages that were begun. Raises Unavailable."""
        await self._long_sms.resume()

    async def close(self) -> None:
        """Stop listening; what is being stored is still answered, what is being sent has a moment to be confirmed."""
        await self._sessions.close(_PATIENCE_SECONDS)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_PATIENCE_SECONDS)
        await self._long_sms.close()
        if self._transport is not None:
            self._transport.close()

    def _reachable(self, line_id: str) -> Line:
        device, line = self._store.fleet.find(line_id), self._lines.find(line_id)
        if device is None:
            raise NotFound("Device not found", code="unknown_device")
        if line is None or not device.is_online:
            raise Unavailable(
                "the line was not heard from",
                code="device_offline",
                retry_after_seconds=_LONGEST_WAIT_SECONDS,
            )
        return line

    def _exchange(self, host: str, heard: bytes | None) -> Exchange:
        return Exchange(self._store.clock(), "udp", MAKE, host, heard)

    def _say(self, datagram: bytes, line: Line) -> None:
        """Say what a session says: because of what the line said, or of its own accord."""
        own = nullcontext() if is_going_on() else self._keeping(self._exchange(host_of(line.address), None))
        with own:
            about(line.line_id)
            showed(line.password)
            self._send(datagram, line.address)

    def _send(self, datagram: bytes, address: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            answered(datagram)
            self._transport.sendto(datagram, address)

    async def _keep(self, packet: Packet, address: Address, datagram: bytes) -> None:
        with self._keeping(self._exchange(host_of(address), datagram)):
            showed(packet.password)
            await self._take(packet, address)

    async def _take(self, packet: Packet, address: Address) -> None:
        host = host_of(address)
        guesser = (host, packet.line_id)
        if self._tries.seconds_to_wait(guesser):
            refused("too many wrong passwords: not heard for a while")
            return
        try:
            answer = await self._record(packet, address)
            self._tries.forget(guesser)
        except Unavailable as trouble:
            refused(trouble.message)
            log.info("dbl.unanswered", line=packet.line_id, reason=trouble.message)
            return
        except GoipError as refusal:
            if isinstance(refusal, Unauthorized):
                self._tries.count(guesser)
            refused(refusal.message)
            log.info("dbl.refused", line=packet.line_id, address=host, reason=refusal.message)
            answer = refuse(packet, refusal.message)
        except Exception:
            log.exception("dbl.defect", verb=packet.verb)
            return
        if answer is not None:
            self._send(answer, address)

    async def _record(self, packet: Packet, address: Address) -> bytes | None:
        """Commit what the packet says; returns the answer, None where another is about to be given."""
        line_id = line_id_of(packet)
        key = find_gateway_key(self._keyring, packet.password or None)
        admission = admit(self._keyring, self._store.fleet, key, line_id)
        about(line_id)
        self._lines.hear(line_id, address, packet.password)
        if packet.kind == KEEPALIVE:
            await self._beat(packet, admission, host_of(address))
        elif not await self._record_once(packet, admission.device, host_of(address)):
            return None
        return accept(packet)

    async def _beat(self, packet: Packet, admission: Admission, host: str) -> None:
        device, beat = admission.device, heartbeat_of(packet)._replace(ip_address=host)
        if beat.counter == 1 or is_reboot(None if device is None else device.counter, beat.counter):
            self._repeats.forget(beat.device_id)
            self._sessions.interrupt(beat.device_id, "the line started anew")
        notes = call_change(packet, device)
        if notes:
            await record_heartbeat(self._store, beat, notes=notes)
            return
        await record_or_enrol(
            self._store, self._keyring, beat, admission, make=MAKE, needs_approval=self._needs_approval
        )

    async def _record_once(self, packet: Packet, device: Device | None, host: str) -> bool:
        """Commit what it tells, unless that was done; False while it is being done for another of its packets."""
        # With what it says: a box that has started anew uses its numbers again, before its first keepalive too.
        line_id, event = packet.line_id, f"{packet.kind}:{packet.number}:{sorted(packet.fields.items())}"
        seen, is_new = self._repeats.see(line_id, event)
        if not is_new:
            return seen.is_done
        try:
            if packet.kind == RECEIVE:
                await self._long_sms.take(sms_of(packet))
            else:
                await self._record_news(packet, device, host)
        except BaseException:
            self._repeats.undo(line_id, event, seen)
            raise
        seen.is_done = True
        return True

    async def _record_news(self, packet: Packet, device: Device | None, host: str) -> None:
        beat, notes = news_of(packet, device)
        if beat is not None:
            await record_heartbeat(self._store, beat._replace(ip_address=host), notes=notes)
            return
        for note in notes:
            await record_note(self._store, note)
