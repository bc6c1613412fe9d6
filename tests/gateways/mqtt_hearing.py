"""Hearing a broker in a test, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from goip.gateways.mqtt import LinkState
from goip.gateways.mqtt.client import MqttClient, Pauses
from goip.store.store import Store
from tests.gateways.mosquitto import Mosquitto
from tests.store.lives import Ear

QUICK = Pauses(first=0.01, longest=0.05, refused=0.05)
PATIENCE_SECONDS = 20.0


@pytest.fixture
def ear(store: Store) -> Ear:
    return Ear(store)


@asynccontextmanager
async def hearing(store: Store, broker: Mosquitto, **options: Any) -> AsyncIterator[LinkState]:
    """A client of the broker, connected when the block begins."""
    port = options.pop("port", broker.port)
    state = options.setdefault("state", LinkState())
    async with MqttClient(broker.address(port=port), store, pauses=QUICK, **options):
        await until(lambda: state.trouble is None)
        yield state


async def until(is_so: Callable[[], object]) -> None:
    """Look until it is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():
            await asyncio.sleep(0.01)


def texts(ear: Ear) -> list[str]:
    """Of the messages that were told, in their order."""
    data = [event.data for event in ear.named("sms-received")]
    return [told["message"] for told in data if isinstance(told, dict)]


async def until_texts(ear: Ear, n: int) -> list[str]:
    """The same, once there are so many."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await ear.until(lambda: len(texts(ear)) >= n)
    return texts(ear)


def sms(text: str, **more: object) -> dict[str, object]:
    """A received message, as it is published."""
    return {"sender": "BANK", "message": text, "messageId": text, **more}
