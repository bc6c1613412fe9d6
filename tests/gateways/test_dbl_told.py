"""Lines that tell what happens, over a real UDP socket and a real database. Numbers are fictitious."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from goip.errors import Unavailable
from goip.gateways.dbl.listener import DblListener
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.gateways.dbl_line import KEY, FakeLine, facts, listening, plugged_in, says_nothing, until


@pytest.fixture
async def listener(store: Store) -> AsyncIterator[DblListener]:
    async with listening(store) as listener:
        yield listener


@pytest.fixture
async def line(listener: DblListener) -> AsyncIterator[FakeLine]:
    async with plugged_in(listener, "a", says_nothing) as line:
        yield line


async def call_states(store: Store) -> list[str]:
    return [fact["state"] for fact in await facts(store, "call-event")]


async def test_a_call_is_told_step_by_step_in_order(line: FakeLine, store: Store) -> None:
    assert await line.tell("STATE", -5, "gsm_remain_state:INCOMING:555") == "STATE -5 OK\n"
    assert await line.tell("RECORD", 6, "dir:1;num:555") == "RECORD 6 OK\n"
    assert await line.tell("STATE", 7, "gsm_remain_state:ACTIVE") == "STATE 7 OK\n"
    assert await line.tell("HANGUP", 8, "num:555,cause:Normal call clearing") == "HANGUP 8 OK\n"
    assert await line.tell("STATE", 9, "gsm_remain_state:IDLE") == "STATE 9 OK\n"
    assert await line.tell("EXPIRY", 10, "exp:42") == "EXPIRY 10 OK\n"
    told = await facts(store, "call-event")
    assert [fact["state"] for fact in told] == ["incoming", "incoming", "active", "ended", "idle", "ended"]
    assert (told[1]["direction"], told[1]["number"]) == ("inbound", "555")
    assert (told[3]["cause"], told[5]["durationSeconds"]) == ("Normal call clearing", 42)
    assert {fact["slotIndex"] for fact in told} == {0}


async def test_the_lines_state_is_shown_at_once(line: FakeLine, store: Store) -> None:
    await line.beat("voip_state:IDLE;remain_time:9;")
    await line.tell("STATE", 1, "gsm_remain_state:DIALING:555")
    await line.tell("REMAIN", 2, "gsm_remain_time:8")
    device = store.fleet.find("a")
    assert device is not None
    assert (device.device_status, device.ip_address, device.counter) == ("DIALING:555", "127.0.0.1", 2)
    assert device.slots[0].raw_status == "gsm_status:LOGIN;voip_state:DIALING:555;remain_time:8"
    assert device.interval_seconds == 30


async def test_a_keepalive_tells_a_change_that_no_event_told_and_no_other(
    line: FakeLine, store: Store
) -> None:
    await line.beat("voip_state:IDLE;")
    await line.beat("voip_state:INCOMING:555;")
    await line.beat("voip_state:INCOMING:555;")
    await line.tell("STATE", 1, "gsm_remain_state:ACTIVE")
    await line.beat("voip_state:ACTIVE;")
    await line.beat("voip_state:IDLE;")
    assert await call_states(store) == ["incoming", "active", "idle"]


async def test_the_last_state_of_a_call_is_known_after_a_start_of_ours(
    line: FakeLine, listener: DblListener, store: Store
) -> None:
    await line.tell("STATE", 1, "gsm_remain_state:ACTIVE")
    async with listening(store) as restarted, plugged_in(restarted, "a", says_nothing) as again:
        await again.beat("voip_state:ACTIVE;")
    assert await call_states(store) == ["active"]


async def test_a_repeat_is_answered_again_and_recorded_once(line: FakeLine, store: Store) -> None:
    for _ in range(3):
        assert await line.tell("RECORD", 7, "dir:1;num:555") == "RECORD 7 OK\n"
        assert await line.tell("HANGUP", 7, "num:555,cause:x") == "HANGUP 7 OK\n"
    await line.plug_in()
    assert await line.tell("RECORD", 7, "dir:1;num:555") == "RECORD 7 OK\n"
    assert await call_states(store) == ["incoming", "ended"]


async def test_another_line_numbers_its_own(listener: DblListener, line: FakeLine, store: Store) -> None:
    async with plugged_in(listener, "b", says_nothing) as other:
        await line.tell("RECORD", 7, "dir:1;num:555")
        await other.tell("RECORD", 7, "dir:1;num:555")
    assert len(await facts(store, "call-event", "b")) == len(await facts(store, "call-event", "a")) == 1


@pytest.mark.parametrize("count", [1, 2])
async def test_after_a_reboot_the_same_number_is_another_event(
    line: FakeLine, store: Store, count: int
) -> None:
    await line.beat(count=40)
    await line.tell("RECORD", 7, "dir:1;num:555")
    await line.beat(count=count)  # the first one may be lost
    await line.tell("RECORD", 7, "dir:1;num:555")
    assert await call_states(store) == ["incoming", "incoming"]


async def test_a_number_that_is_used_again_before_any_keepalive_is_another_event(
    line: FakeLine, store: Store
) -> None:
    await line.tell("RECORD", 5, "dir:1;num:555")
    assert await line.tell("RECORD", 5, "dir:1;num:777") == "RECORD 5 OK\n"
    assert await line.tell("RECORD", 5, "dir:1;num:777") == "RECORD 5 OK\n"
    assert [fact["number"] for fact in await facts(store, "call-event")] == ["555", "777"]


async def test_a_late_keepalive_is_no_reboot(line: FakeLine, store: Store) -> None:
    await line.beat(count=40)
    await line.tell("RECORD", 7, "dir:1;num:555")
    await line.beat(count=39)
    await line.tell("RECORD", 7, "dir:1;num:555")
    assert await call_states(store) == ["incoming"]


async def test_what_could_not_be_stored_is_not_answered_and_is_new_when_it_comes_again(
    line: FakeLine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_tries = 0

    def fail(_change: object) -> None:
        nonlocal n_tries
        n_tries += 1
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store.writer, "record", fail)
        line.say(f"RECORD:7;id:a;password:{KEY};dir:1;num:555")
        await until(lambda: n_tries == 1)
    assert await line.tell("RECORD", 7, "dir:1;num:555") == "RECORD 7 OK\n"
    assert await call_states(store) == ["incoming"]


async def test_a_repeat_of_what_is_just_being_stored_waits_for_that(
    listener: DblListener, line: FakeLine, store: Store
) -> None:
    for _ in range(3):
        listener.datagram_received(f"RECORD:7;id:a;password:{KEY};dir:1;num:555".encode(), ("127.0.0.1", 9))
    await asyncio.wait(listener._tasks)
    assert await line.tell("RECORD", 7, "dir:1;num:555") == "RECORD 7 OK\n"
    assert await call_states(store) == ["incoming"]


async def test_a_report_and_a_word_of_the_network_are_facts(line: FakeLine, store: Store) -> None:
    assert await line.tell("DELIVER", 4, "sms_no:3;state:70;num:555") == "DELIVER 4 OK\n"
    assert await line.tell("USSN", 5, "msg:Top up;\nsoon") == "USSN 5 OK\n"
    (report,) = await facts(store, "delivery-report")
    (ussd,) = await facts(store, "ussd-received")
    assert (report["reference"], report["statusCode"], report["recipient"]) == ("3", 70, "555")
    assert ussd["text"] == "Top up;\nsoon"


@pytest.mark.parametrize("verb", ["CELLS", "BCCH", "CELLINFO", "CGATT", "NUMRECORD", "need_recharge"])
async def test_whatever_else_a_line_says_is_answered_the_generic_way(line: FakeLine, verb: str) -> None:
    assert await line.tell(verb, 34347, "lists:689,638,") == f"{verb} 34347 OK\n"


async def test_answers_and_traces_get_no_answer(line: FakeLine) -> None:
    for words in ("GSM:1;get_gsm_num:(null);get_exp_time:0", f"AT:20;count:1;id:a;password:{KEY};receive:x"):
        line.say(words)
    assert await line.beat() == "reg:2;status:200;"  # and nothing before it
    assert line.heard == []


async def test_no_answer_ever_tells_a_line_to_block_itself(line: FakeLine) -> None:
    for number, state in enumerate(["IDLE", "DISABLE", "", "ACTIVE"]):
        assert await line.tell("STATE", number, f"gsm_remain_state:{state}") == f"STATE {number} OK\n"
    assert "DISABLE" not in await line.ask("STATE:9;id:a;password:wrong;gsm_remain_state:IDLE")


@pytest.mark.parametrize("verb", ["STATE", "RECORD", "HANGUP", "DELIVER", "USSN"])
async def test_an_event_needs_the_lines_password_and_a_line(
    listener: DblListener, line: FakeLine, store: Store, verb: str
) -> None:
    told = "gsm_remain_state:IDLE;dir:1;num:5;msg:x"
    assert (await line.ask(f"{verb}:1;id:a;password:wrong;{told}")).startswith(f"{verb} 1 ERROR ")
    assert (await line.ask(f"{verb}:1;id:new;password:{KEY};{told}")).startswith(f"{verb} 1 ERROR ")
    assert await facts(store, "call-event") == []
    assert store.fleet.find("new") is None


async def test_only_listed_networks_are_heard(store: Store) -> None:
    async with listening(store, networks=("192.0.2.0/24",)) as listener:
        line = FakeLine(listener, "a", says_nothing)
        await line.plug_in()
        with capture_logs() as logs:
            for _ in range(3):
                line.say(f"req:1;id:a;pass:{KEY};")
            await until(lambda: bool(logs))
        assert [each["event"] for each in logs] == ["dbl.strangers"]
        assert store.fleet.find("a") is None
        line.close()


WORDS = st.sampled_from(
    [
        *("id:a;", "id:;", "id:b/c;", "password:x;", "num:,cause:;", "gsm_remain_state:INCOMING:", "dir:2;"),
        *("srcnum:1;", "msg:", "state:1;", "voip_state:X;", "signal:;", "imsi:;", "exp:9;", ";", ":", "\0"),
    ]
)
VERBS = st.sampled_from(
    [
        *("req", "RECEIVE", "USSN", "STATE", "RECORD", "HANGUP", "EXPIRY", "DELIVER"),
        *("REMAIN", "CGATT", "CELLS", "GSM", "zz"),
    ]
)
KNOWN = st.builds(
    f"{{}}:{{}};id:a;password:{KEY};{{}}".format, VERBS, st.integers(-9, 9), st.lists(WORDS).map("".join)
)
DATAGRAMS = (
    st.binary(max_size=80)
    | st.lists(WORDS).map("".join).map(str.encode)
    | KNOWN.map(str.encode)
    | st.from_regex(rb"(OK|USSD|ERROR) [0-9]{1,10} .{0,20}")
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(datagrams=st.lists(DATAGRAMS, max_size=8))
async def test_no_datagram_raises(
    listener: DblListener, line: FakeLine, clock: FakeClock, datagrams: list[bytes]
) -> None:
    clock.advance(3600)  # so that no wrong password is waited for
    with capture_logs() as logs:
        for datagram in datagrams:
            listener.datagram_received(datagram, ("127.0.0.1", 9))
        if listener._tasks:
            await asyncio.wait(listener._tasks)
    assert [each for each in logs if each["log_level"] in ("error", "critical")] == []
