"""What devices do while the followers listen."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

import aiohttp

from tests.http_calls import bearer
from tests.live_server import LiveServer


@dataclass(frozen=True)
class Box:
    """A device with its key."""

    server: LiveServer
    device_id: str
    key: str

    @classmethod
    def enrolled(cls, server: LiveServer) -> Box:
        device_id = server.new_id()
        return cls(server, device_id, server.enrol(device_id, intervalSeconds=3600))

    @property
    def room(self) -> str:
        return f"device-{self.device_id}"

    def say(self, *texts: str) -> int:
        """Deliver these messages one by one; returns the seq of the last."""
        for text in texts:
            answer = self.server.receive_sms(self.device_id, self.key, text, messageId=text).must()
        return int(answer["messageId"])

    def beat(self, **fields: object) -> None:
        self.server.heartbeat(self.device_id, self.key, **fields).must()


async def say_many(box: Box, texts: list[str]) -> int:
    """Deliver them as fast as one connection can, a hundred at once; returns the seq of the last."""
    async with aiohttp.ClientSession(box.server.url, headers=bearer(box.key)) as session:
        for start in range(0, len(texts), 100):
            body = [
                {"deviceId": box.device_id, "sender": "BANK", "message": text, "messageId": text}
                for text in texts[start : start + 100]
            ]
            async with session.post("/api/sms/receive", json=body) as response:
                assert response.status == 200, await response.text()
                answers = await response.json()
    return max(int(answer["messageId"]) for answer in answers)


class Pouring:
    """A device that delivers one message after the other, in the background."""

    def __init__(self, box: Box) -> None:
        self.texts: list[str] = []
        self._box = box
        self._is_over = False
        self._news = asyncio.Event()
        self._pouring: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Pouring:
        self._pouring = asyncio.create_task(self._pour())
        return self

    async def __aexit__(self, *_: object) -> None:
        """What it has begun to deliver is delivered."""
        self._is_over = True
        assert self._pouring is not None
        await self._pouring

    async def more(self) -> None:
        """Until some more was delivered."""
        n = len(self.texts)
        async with asyncio.timeout(10):
            while len(self.texts) < n + 5:
                self._news.clear()
                await self._news.wait()

    async def _pour(self) -> None:
        headers = bearer(self._box.key)
        async with aiohttp.ClientSession(self._box.server.url, headers=headers) as session:
            for n in itertools.count():
                if self._is_over:
                    return
                text = f"poured {n}"
                body = {"deviceId": self._box.device_id, "sender": "BANK", "message": text, "messageId": text}
                async with session.post("/api/sms/receive", json=body) as response:
                    assert response.status == 200, await response.text()
                self.texts.append(text)
                self._news.set()
