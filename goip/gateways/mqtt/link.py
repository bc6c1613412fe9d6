"""One connection to a broker: the library's client, driven by the event loop instead of a thread.

A message is acknowledged when the caller says so, in whatever order. The session outlives the connection: what is not
acknowledged comes again at the next one, and so does what is published meanwhile.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from goip.addresses import BrokerAddress
from goip.errors import Unauthorized

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike

log = structlog.get_logger(__name__)

_KEEPALIVE_SECONDS = 30
_ANSWER_SECONDS = 10.0
_GOODBYE_SECONDS = 1.0
_SESSION_SECONDS = 30 * 86_400
"""How long the broker is asked to keep what is published while nobody is connected; it may keep it shorter."""


class TooOld(Exception):
    """The broker speaks MQTT 3.1.1, and not 5."""


class Publication(NamedTuple):
    """One message. `id` is the broker's number for it on this connection, 0 where it waits for no acknowledgement."""

    id: int
    topic: str
    payload: bytes
    qos: int
    is_repeat: bool
    is_retained: bool


class Terms(NamedTuple):
    """What is asked of the broker: as whom it is to know us, and how much it may send before it is acknowledged."""

    client_id: str
    most_in_hand: int
    most_bytes: int
    is_old: bool = False
    is_kept: bool = True
    """Whether there is a session that outlives the connection."""


class Link:
    """Calls `take` with every publication, from `open` until `ended`."""

    def __init__(self, broker: BrokerAddress, terms: Terms, take: Callable[[Publication], None]) -> None:
        self._broker = broker
        self._terms = terms
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._client = self._new_client()
        self._descriptor: int | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._is_reading = False
        self._entered: asyncio.Future[bool] = self._loop.create_future()
        self._granted: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        """Why the connection ended, once it has."""

    async def open(self) -> bool:
        """Connect; returns whether the broker had kept a session for us.

        Raises Unauthorized in the broker's words, TooOld, OSError (TimeoutError is one).
        """
        opening = asyncio.ensure_future(asyncio.to_thread(self._connect))
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait((opening,))  # a thread cannot be stopped, and its socket is to be closed
            raise
        finally:
            sock = self._client.socket()
            self._descriptor = None if sock is None else sock.fileno()
        self.resume()
        self._keeping = asyncio.create_task(self._keep_alive(), name="mqtt-keepalive")
        await self._answered(self._entered)
        return self._entered.result()

    async def subscribe(self, filters: list[str]) -> None:
        """Ask for these topics. Raises Unauthorized where the broker refuses one, OSError."""
        if self._terms.is_old:
            self._client.subscribe([(each, 1) for each in filters])
        else:
            fresh = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            self._client.subscribe([(each, fresh) for each in filters])
        await self._answered(self._granted)
        self._granted.result()

    def acknowledge(self, publication: Publication) -> None:
        """The broker may forget it."""
        if publication.qos and not self.ended.done():
            self._client.ack(publication.id, publication.qos)

    def pause(self) -> None:
        """Read nothing more: the broker waits, and after a while gives this connection up."""
        if self._is_reading and self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
        self._is_reading = False

    def resume(self) -> None:
        """Read on."""
        if self._descriptor is None or self._is_reading:
            return
        self._is_reading = True
        self._loop.add_reader(self._descriptor, self._read)
        self._loop.call_soon(self._read)  # what TLS has unpacked already makes no socket readable

    async def close(self) -> None:
        """Say goodbye where the broker listens, and hang up."""
        self.pause()
        if self._descriptor is not None:
            self._client.disconnect()
            await asyncio.wait((self.ended,), timeout=_GOODBYE_SECONDS)
        self._end("closed")
        for answer in (self._entered, self._granted):
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # nobody may have waited for it

    def _new_client(self) -> Client:
        terms, broker = self._terms, self._broker
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=terms.client_id,
            clean_session=not terms.is_kept if terms.is_old else None,
            protocol=MQTTProtocolVersion.MQTTv311 if terms.is_old else MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if broker.username:
            client.username_pw_set(broker.username, broker.password or None)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_something_to_write
        client.on_socket_unregister_write = self._on_nothing_to_write
        return client

    def _connect(self) -> None:
        """In a thread: names are looked up, and TLS shakes hands."""
        terms, broker = self._terms, self._broker
        if broker.is_tls:
            self._client.tls_set_context(ssl.create_default_context())
        if terms.is_old:
            self._client.connect(broker.host, broker.port, _KEEPALIVE_SECONDS)
            return
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wishes.SessionExpiryInterval = _SESSION_SECONDS if terms.is_kept else 0
        wishes.ReceiveMaximum = terms.most_in_hand
        wishes.MaximumPacketSize = terms.most_bytes
        self._client.connect(
            broker.host, broker.port, _KEEPALIVE_SECONDS, clean_start=not terms.is_kept, properties=wishes
        )

    async def _answered(self, answer: asyncio.Future[Any]) -> None:
        """Wait until the broker has answered. Raises OSError where it hangs up instead."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            await asyncio.wait((answer, self.ended), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ConnectionResetError(self.ended.result())

    async def _keep_alive(self) -> None:
        while not self.ended.done():
            await asyncio.sleep(1)
            self._client.loop_misc()

    def _read(self) -> None:
        if not self._is_reading:
            return
        try:
            self._client.loop_read()
            while self._is_reading and self._has_unpacked():
                self._client.loop_read()
        except Exception as error:  # packets that the library cannot make sense of, among others
            log.exception("mqtt.unreadable")
            self._end(f"unreadable: {error!r}")

    def _has_unpacked(self) -> bool:
        """True where TLS has bytes for us that the socket does not tell of."""
        sock = self._client.socket()
        return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0

    def _end(self, reason: str) -> None:
        """Let go of the socket, whatever the other side does."""
        sock = self._client.socket()
        if sock is not None:
            self._on_socket_close(self._client, None, sock)
            sock.close()
        if not self.ended.done():
            self.ended.set_result(reason)

    def _on_connect(
        self, _client: Client, _data: Any, flags: ConnectFlags, reason: ReasonCode, _told: Properties | None
    ) -> None:
        if self._entered.done():
            return
        if not reason.is_failure:
            self._entered.set_result(flags.session_present)
        elif reason.getName() == "Unsupported protocol version" and not self._terms.is_old:
            self._entered.set_exception(TooOld())
        else:
            self._entered.set_exception(Unauthorized(str(reason)))

    def _on_subscribe(
        self, _client: Client, _data: Any, _id: int, reasons: list[ReasonCode], _told: Properties | None
    ) -> None:
        if self._granted.done():
            return
        refusal = next((reason for reason in reasons if reason.is_failure), None)
        if refusal is None:
            self._granted.set_result(None)
        else:
            self._granted.set_exception(Unauthorized(f"the broker does not let us subscribe: {refusal}"))

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\ufffd"
        self._take(
            Publication(
                message.mid if message.qos else 0,
                topic,
                bytes(message.payload),
                message.qos,
                message.dup,
                message.retain,
            )
        )

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _told: Properties | None
    ) -> None:
        if not self.ended.done():
            self.ended.set_result(str(reason))

    def _on_socket_close(self, _client: Client, _data: Any, _sock: SocketLike) -> None:
        if self._descriptor is None:
            return
        self.pause()
        self._loop.remove_writer(self._descriptor)
        self._descriptor = None
        if self._keeping is not None:
            self._keeping.cancel()

    def _on_something_to_write(self, client: Client, _data: Any, sock: SocketLike) -> None:
        # From the thread that connects, or from the loop.
        self._loop.call_soon_threadsafe(self._watch_for_room, client, sock.fileno())

    def _watch_for_room(self, client: Client, descriptor: int) -> None:
        if client.want_write() and not self.ended.done() and descriptor >= 0:
            self._loop.add_writer(descriptor, self._write)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:
            log.exception("mqtt.unwritable")
            self._end(f"unwritable: {error!r}")

    def _on_nothing_to_write(self, _client: Client, _data: Any, _sock: SocketLike) -> None:
        if self._descriptor is not None:
            self._loop.remove_writer(self._descriptor)
