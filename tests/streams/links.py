"""Connections to the stream, one class for each transport.

A link is one connection. It writes into the follower's notebook, and ends as rudely as a cable that is pulled:
its sockets are reset, nothing is said, what was on its way is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp

from tests.contract.stock_client import NoAnswer, StockClients, StockSocket
from tests.following import split_cursor
from tests.http_calls import bearer
from tests.live_server import LiveServer
from tests.streams.notebook import Json, Notebook

POLL_WAIT_SECONDS = 20
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Refused(Exception):
    """The server does not let this client in; the argument is the code."""


class Gone(Exception):
    """The connection could not be made, or the server ended it; the argument says how."""


@dataclass(frozen=True)
class Way:
    """A transport and how it is used."""

    name: str
    make: Callable[[LiveServer, str, Notebook], Link]

    def __str__(self) -> str:
        return self.name


class Link(ABC):
    """One connection, from its making to its end."""

    def __init__(self, server: LiveServer, token: str, notebook: Notebook) -> None:
        self._server = server
        self._token = token
        self._notebook = notebook
        self.is_open = asyncio.Event()

    @abstractmethod
    async def follow(self, rooms: Sequence[str], after: str | None) -> None:
        """Listen until the connection ends: raises Refused or Gone, at the latest when it is cancelled.

        `is_open` is set once the server has answered what was missed, or the snapshot.
        """


class HttpLink(Link):
    """What aiohttp connects: every socket is reset when it is closed."""

    async def follow(self, rooms: Sequence[str], after: str | None) -> None:
        """Listen in a session of its own."""
        session = aiohttp.ClientSession(
            self._server.url,
            connector=aiohttp.TCPConnector(socket_factory=_resetting_socket),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=60),
            read_bufsize=1 << 20,  # a line of SSE is never longer
        )
        try:
            await self._listen(session, rooms, after)
        except (aiohttp.ClientError, OSError) as error:
            raise Gone(repr(error)) from error
        finally:
            await session.close()
        raise Gone("ended by the server")

    @abstractmethod
    async def _listen(self, session: aiohttp.ClientSession, rooms: Sequence[str], after: str | None) -> None:
        """Write down what comes, until nothing comes any more."""


class PollingLink(HttpLink):
    """`GET /api/events`, again and again."""

    async def _listen(self, session: aiohttp.ClientSession, rooms: Sequence[str], after: str | None) -> None:
        while True:
            query = {"rooms": ",".join(rooms)} | ({} if after is None else {"after": after})
            wait = POLL_WAIT_SECONDS if self.is_open.is_set() else 0
            async with session.get(
                "/api/events", params=query | {"wait": str(wait)}, headers=bearer(self._token)
            ) as response:
                await must_be_let_in(response)
                frame = await response.json()
            self._notebook.frame(frame)
            after = frame["cursor"]
            self.is_open.set()


class SseLink(HttpLink):
    """The same address as a stream. Comes back as `EventSource` does, by the id of the last event."""

    async def _listen(self, session: aiohttp.ClientSession, rooms: Sequence[str], after: str | None) -> None:
        headers = bearer(self._token) | {"Accept": "text/event-stream"}
        headers |= {} if after is None else {"Last-Event-ID": after}
        async with session.get("/api/events", params={"rooms": ",".join(rooms)}, headers=headers) as response:
            await must_be_let_in(response)
            assert response.content_type == "text/event-stream"
            block: dict[str, str] = {}
            while line := (await response.content.readline()).decode():
                name, colon, value = line.rstrip("\n").partition(": ")
                if colon:
                    block[name] = value
                elif line == "\n":
                    self._hear(block)
                    block = {}

    def _hear(self, block: dict[str, str]) -> None:
        """One block; one without data does nothing but move the cursor."""
        if "data" in block:
            name, data = block["event"], json.loads(block["data"])
            assert name != "resync", data
            if name == "state":
                self._notebook.snapshot(data)
            else:
                assert split_cursor(block["id"])[1] == data["seq"], "the id of an event is its cursor"
                assert name == data["event"]
                self._notebook.event(data)
        if "id" in block:
            self._notebook.move(block["id"])
            self.is_open.set()


class WebSocketLink(HttpLink):
    """`GET /api/ws`, the token as the first message."""

    async def _listen(self, session: aiohttp.ClientSession, rooms: Sequence[str], after: str | None) -> None:
        (room,) = rooms
        # Without `async with`: that would say farewell.
        socket = await session.ws_connect("/api/ws", max_msg_size=0)
        try:
            await socket.send_json({"type": "auth", "token": self._token})
            await socket.send_json(
                {"type": "join", "room": room} | ({} if after is None else {"after": after})
            )
            joined: Json = None
            async for message in socket:
                joined = self._hear(json.loads(message.data), room, joined)
        finally:
            socket._response.close()
        raise Gone(f"closed with {socket.close_code}")

    def _hear(self, told: Json, room: str, joined: Json) -> Json:
        """One message; returns the answer to the join, once it is there."""
        kind = told.get("type", "frame")
        assert kind in ("authenticated", "joined", "frame", "ping", "error"), told
        if kind == "error":
            raise Refused(told["code"])
        if kind == "joined":
            assert (told["room"], joined) == (room, None)
            return told
        if kind == "frame":
            self._notebook.frame(told)
            if not self.is_open.is_set():
                assert (joined["cursor"], joined["recovered"]) == (told["cursor"], told["recovered"])
            self.is_open.set()
        return joined


class SocketIoLink(Link):
    """The stock JavaScript client, in Node."""

    def __init__(
        self,
        server: LiveServer,
        token: str,
        notebook: Notebook,
        *,
        clients: StockClients,
        transport: str,
        wants_frames: bool,
    ) -> None:
        super().__init__(server, token, notebook)
        self._clients = clients
        self._transport = transport
        self._wants_frames = wants_frames

    async def follow(self, rooms: Sequence[str], after: str | None) -> None:
        """Connect, join, and take what comes; the client is kept from coming back by itself."""
        (room,) = rooms
        heard: asyncio.Queue[tuple[str, list[Json]]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(event: str, args: list[Json]) -> None:
            with contextlib.suppress(RuntimeError):  # the test is over, and its loop with it
                loop.call_soon_threadsafe(heard.put_nowait, (event, args))

        socket = self._clients.connect(
            self._server.url,
            is_awaited=False,
            tell=tell,
            transports=[self._transport],
            auth={"token": self._token},
            reconnection=False,
        )
        joining: asyncio.Task[None] | None = None
        try:
            while True:
                event, args = await heard.get()
                if event == "connect":
                    joining = loop.create_task(self._join(socket, room, after, heard))
                else:
                    self._hear(event, args[0], after)
        finally:
            socket.abort()
            if joining is not None:
                await joining

    async def _join(
        self, socket: StockSocket, room: str, after: str | None, heard: asyncio.Queue[tuple[str, list[Json]]]
    ) -> None:
        """The ack goes the way of the events: it must not overtake those that came before it."""
        options: Json = {} if after is None else {"cursor": after}
        options |= {"frames": True} if self._wants_frames else {}
        name, target = "join-dashboard", options
        if room != "dashboard":
            name, target = "join-device-room", options | {"deviceId": room.removeprefix("device-")}
        with contextlib.suppress(NoAnswer):  # cut off: `disconnect` says so too
            ack = await asyncio.to_thread(socket.call, name, target)
            heard.put_nowait(("ack", [ack]))

    def _hear(self, event: str, told: Json, after: str | None) -> None:
        notebook = self._notebook
        if event == "disconnect":
            raise Gone(told)
        if event == "connect_error":
            raise Refused(told["data"]["code"]) if told["data"] else Gone(told["message"])
        if event == "frame":
            assert self._wants_frames
            notebook.frame(told)
        elif event == "state":
            assert after is None or not self._wants_frames, "whoever wants frames is answered with one"
            notebook.snapshot(told)
        elif event == "ack":
            if not told["ok"]:
                raise Refused(told["code"])
            # All up to the ack's cursor was sent before it; what came live since may be ahead of it.
            assert notebook.cursor is not None, "joined, and sent nothing to begin with"
            if split_cursor(told["cursor"])[1] > notebook.seq:
                assert not self._wants_frames, "the history's frame ends where the ack says"
                notebook.move(told["cursor"])
            self.is_open.set()
        else:
            assert not self._wants_frames, f"a single {event} to a client of frames"
            notebook.single(event, told)


async def must_be_let_in(response: aiohttp.ClientResponse) -> None:
    """Raises Refused for the sender's fault, Gone for the server's trouble."""
    if response.status == 200:
        return
    answer = await response.json()
    if response.status == 503:
        raise Gone(answer["code"])
    raise Refused(answer["code"])


def _resetting_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    return made


def all_ways(clients: StockClients) -> list[Way]:
    """Every transport, and both of Socket.IO's transports and forms."""
    stock = [
        Way(
            f"socketio-{transport}-{'frames' if wants_frames else 'events'}",
            partial(SocketIoLink, clients=clients, transport=transport, wants_frames=wants_frames),
        )
        for transport in ("websocket", "polling")
        for wants_frames in (False, True)
    ]
    return [*stock, Way("websocket", WebSocketLink), Way("sse", SseLink), Way("polling", PollingLink)]
