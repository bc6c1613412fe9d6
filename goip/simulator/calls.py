"""The HTTP side of a simulated device: its key, its tries, and what it makes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from time import monotonic
from typing import Any, Final

import aiohttp

from goip.simulator.life import HEARTBEAT_PATH, Post
from goip.simulator.options import SimulationOptions
from goip.simulator.tally import Tally

BEAT_TRIES: Final = 3
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 15.0
_LONGEST_RETRY_AFTER_SECONDS = 60.0
_TIMEOUT = aiohttp.ClientTimeout(total=30)

Answer = Mapping[str, Any]
OnAnswer = Callable[[Post, Answer], None]


class Unanswered(Exception):
    """The server could not take a request now; `retry_after` says when to come again, where it said so."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Caller:
    """Posts for a whole fleet over one pool of connections, each device with its own key."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        options: SimulationOptions,
        keys: dict[str, str],
        tally: Tally,
        on_answer: OnAnswer | None = None,
    ) -> None:
        self._session = session
        self._url = options.url.rstrip("/")
        self._enrollment_key = options.enrollment_key
        self._keys = keys
        self._tally = tally
        self._on_answer = on_answer
        self._slots = asyncio.Semaphore(options.concurrency)
        self._random = Random(options.seed)  # noqa: S311 - spreads retries, guards nothing

    async def send_beat(self, device_id: str, post: Post) -> None:
        """Post a heartbeat; after three tries it is given up, as a device does when the next is due."""
        n_beats = len(post.body) if isinstance(post.body, list) else 1
        if await self._post_until(device_id, post, tries=BEAT_TRIES):
            self._tally.n_heartbeats += n_beats

    async def send_sms(self, device_id: str, post: Post) -> None:
        """Post a message, again and again until the server has taken it or said that it never will."""
        self._tally.n_pending_sms += 1
        answer = await self._post_until(device_id, post, tries=None)
        self._tally.n_pending_sms -= 1
        if answer is None:
            return
        self._tally.n_sms += 1
        self._tally.n_repeats += post.is_repeat
        self._tally.n_duplicates += bool(answer.get("duplicate"))

    async def _post_until(self, device_id: str, post: Post, tries: int | None) -> Answer | None:
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._post(device_id, post)
            except Unanswered as trouble:
                self._tally.last_error = str(trouble)
                if attempt == tries:
                    self._tally.n_failed += 1
                    return None
                self._tally.n_retries += 1
                await asyncio.sleep(self._wait_seconds(attempt, trouble.retry_after))

    def _wait_seconds(self, attempt: int, retry_after: float | None) -> float:
        """Until the next try: what the server asked for, else twice as long each time; never all at once."""
        if retry_after is not None:
            return min(retry_after, _LONGEST_RETRY_AFTER_SECONDS) * self._random.uniform(1.0, 1.2)
        return min(
            _LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** min(attempt - 1, 10)
        ) * self._random.uniform(0.5, 1)

    async def _post(self, device_id: str, post: Post) -> Answer | None:
        """One try: the answer, None when the server refused for good; raises Unanswered."""
        key = self._keys.get(device_id, self._enrollment_key)
        headers = {"Authorization": f"Bearer {key}"}
        try:
            async with self._slots:
                began = monotonic()
                async with self._session.post(
                    self._url + post.path, json=post.body, headers=headers, timeout=_TIMEOUT
                ) as response:
                    answer = await _read_json(response)
                self._tally.latencies.add(monotonic() - began)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from error
        return self._take(device_id, post, response, answer)

    def _take(
        self, device_id: str, post: Post, response: aiohttp.ClientResponse, answer: Answer
    ) -> Answer | None:
        if response.status >= 500 or response.status == 429:
            raise Unanswered(_describe(response, answer), _retry_after(response))
        if response.status >= 400:
            self._tally.last_error = _describe(response, answer)
            if response.status in (401, 403):
                self._tally.n_refused += 1
            else:
                self._tally.n_failed += 1
            return None
        if post.path == HEARTBEAT_PATH:
            self._learn_key(device_id, answer)
        if self._on_answer:
            self._on_answer(post, answer)
        return answer

    def _learn_key(self, device_id: str, answer: Answer) -> None:
        """From the first answer on the device shows its own key."""
        key = answer.get("deviceKey")
        if isinstance(key, str) and key:
            self._keys[device_id] = key
            self._tally.n_enrolled += 1


async def _read_json(response: aiohttp.ClientResponse) -> Answer:
    """The answer's object; empty for anything else, for a proxy's error page or a list of answers."""
    try:
        answer = await response.json(content_type=None)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _describe(response: aiohttp.ClientResponse, answer: Answer) -> str:
    return f"{response.status} {answer.get('error', response.reason)}"
