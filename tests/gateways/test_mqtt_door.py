"""Who is let in: us at the broker, and devices here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from goip.errors import StartupError, Unauthorized
from goip.gateways.mqtt import LinkState, client, need_library
from goip.gateways.mqtt.client import MqttClient, try_out
from goip.gateways.mqtt.recording import Recorder
from goip.ingest import Enrolment, record_heartbeat
from goip.models import Heartbeat
from goip.operations import adopt_device, remove_device
from goip.store.store import Store
from goip.wirelog.log import WireLog
from tests.gateways.mosquitto import Mosquitto, Road, need_mosquitto
from tests.gateways.mqtt_hearing import QUICK, ear, hearing, sms, until, until_texts
from tests.store.lives import Ear

__all__ = ["ear"]

pytestmark = pytest.mark.timeout(60)


async def test_a_device_that_waits_for_an_operator_keeps_nobody_else_from_being_heard(
    store: Store, broker: Mosquitto, ear: Ear
) -> None:
    await record_heartbeat(store, Heartbeat("box-2"), enrolment=Enrolment(None, "mqtt"))
    with capture_logs() as logs:
        async with hearing(store, broker, recorder=Recorder(store, needs_approval=True)):
            await broker.publish_all([("box-1/sms", sms(str(n))) for n in range(40)])
            await broker.publish("box-2/sms", sms("of another"))
            assert await until_texts(ear, 1) == ["of another"]
            waiting = store.fleet.find("box-1")
            assert waiting is not None
            assert waiting.is_pending
            await until(lambda: [line["event"] for line in logs].count("mqtt.not_kept") == 35)
            await adopt_device(store, "box-1")
            assert len(await until_texts(ear, 1 + client.MOST_WAITING)) == 6


async def test_a_device_that_is_turned_away_is_refused_and_what_it_had_said_with_it(
    store: Store, broker: Mosquitto, ear: Ear
) -> None:
    turned_away: set[str] = set()
    recorder = Recorder(store, needs_approval=True, is_turned_away=turned_away.__contains__)
    wire = WireLog(store.clock)
    async with hearing(store, broker, recorder=recorder, keeping=wire.keeping):
        await broker.publish("box-1/sms", sms("waits"))
        await until(lambda: store.fleet.find("box-1"))
        turned_away.add("box-1")
        await remove_device(store, "box-1")
        await until(lambda: any(frame.verdict == "refused" for frame in wire.frames()))
    assert store.fleet.find("box-1") is None


async def test_who_is_let_in_can_be_tried_out_beside_a_server_that_is_connected(
    store: Store, broker: Mosquitto, road: Road, ear: Ear
) -> None:
    async with hearing(store, broker):
        await try_out(broker.address())
        road.is_old = True
        await try_out(broker.address(port=road.port))
        await broker.publish("box-1/sms", sms("still there"))
        await until_texts(ear, 1)


async def test_a_wrong_password_is_told_and_shown_to_nobody(store: Store, tmp_path: Path) -> None:
    need_mosquitto()
    broker = Mosquitto(tmp_path / "closed")
    broker.set_up_as_documented()
    broker.add_user("goip", "right-secret")
    broker.start()
    try:
        with pytest.raises(Unauthorized, match=r"(?i)not authori"):
            await try_out(broker.address(username="goip", password="wr0ng-secret"))
        await try_out(broker.address(username="goip", password="right-secret"))
        state = LinkState()
        with capture_logs() as logs:
            wrong = broker.address(username="goip", password="wr0ng-secret")
            async with MqttClient(wrong, store, pauses=QUICK, state=state):
                await until(lambda: len(logs) >= 2)
        assert "wr0ng-secret" not in str(logs)
        assert "authori" in (state.trouble or "").lower()
    finally:
        broker.stop()


def test_without_the_library_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(StartupError, match=r"pip install 'goip\[mqtt\]'"):
        need_library()
