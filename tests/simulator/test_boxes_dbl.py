"""Emulated GoIP boxes against a small UDP server: what they send to the byte, what they repeat, what they obey."""

from __future__ import annotations

import re
from collections import Counter
from random import Random
from typing import Any

import pytest

from goip.simulator.boxes import Outcome
from goip.simulator.boxes.dbl_calls import make_call, make_odd_event
from goip.simulator.boxes.dbl_packets import Event, event_text
from goip.simulator.boxes.messages import Correspondents
from tests.simulator.listeners import KEY, Running, UdpListener, acknowledge, listening, options

OLD_FIELDS = (
    *("req", "id", "pass", "num", "signal", "gsm_status", "voip_status", "voip_state", "remain_time"),
    *("imei", "imsi", "iccid", "pro"),
)
NEW_FIELDS = (*OLD_FIELDS, "idle", "disable_status", "SMS_LOGIN", "SMB_LOGIN", "CELLINFO", "CGATT")
MANY = 60_000.0
"""A minute of them: one each millisecond."""


def deaf_to(*verbs: str) -> Any:
    return lambda text: None if text.startswith(verbs) else acknowledge(text)


def names(keepalive: str) -> tuple[str, ...]:
    return tuple(pair.partition(":")[0] for pair in keepalive.rstrip(";").split(";"))


async def test_each_line_counts_its_keepalives_from_a_port_of_its_own() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port, lines=3))
        await running.until(lambda: len(server.heard) > 30)
        tally = await running.end()
    by_port: dict[int, list[str]] = {}
    for port, text in server.heard:
        by_port.setdefault(port, []).append(text)
    assert len(by_port) == 3
    for texts in by_port.values():
        assert [int(text.split(";")[0][4:]) for text in texts] == list(range(1, len(texts) + 1))
        assert len({text.split(";")[1] for text in texts}) == 1
        assert names(texts[0]) in (NEW_FIELDS, OLD_FIELDS)
        assert texts[0].endswith(";")
        assert f";pass:{KEY};" in texts[0]
    assert tally.heartbeats.n_sent == len(server.heard)
    assert tally.heartbeats.n_acknowledged >= len(server.heard) - 3
    assert tally.n_repeated == tally.n_refused == tally.n_lost == 0


async def test_old_and_new_firmwares_are_both_among_many_boxes() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port, devices=12))
        await running.until(lambda: len({port for port, _ in server.heard}) == 12)
        await running.end()
    assert {len(names(text)) for _, text in server.heard} == {len(NEW_FIELDS), len(OLD_FIELDS)}


async def test_a_message_that_is_not_acknowledged_comes_four_times_to_the_byte() -> None:
    async with listening(deaf_to("RECEIVE")) as server:
        running = Running(options(udp_port=server.port, sms_per_minute=3_000.0, numbered=True))
        await running.until(lambda: len(running.outcomes) > 3)
        tally = await running.end()
    n_times = Counter(server.texts("RECEIVE"))
    assert set(n_times.values()) == {4}
    assert {outcome for _, outcome in running.outcomes} == {Outcome.GIVEN_UP}
    assert len(running.outcomes) == tally.messages.n_sent == len(n_times)
    assert tally.n_repeated >= 3 * len(n_times)
    assert tally.n_unacknowledged == len(n_times)


async def test_an_acknowledged_message_comes_once() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port, sms_per_minute=MANY, pace=1.0))
        await running.until(lambda: len(running.outcomes) > 50)
        await running.end()
    assert set(Counter(server.texts("RECEIVE")).values()) == {1}
    assert {outcome for _, outcome in running.outcomes} == {Outcome.ACKNOWLEDGED}


async def test_a_message_is_written_as_the_paper_has_it() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port, sms_per_minute=MANY, numbered=True))
        await running.until(lambda: len(running.outcomes) > 200)
        await running.end()
    written = re.compile(r"RECEIVE:(-?\d+);id:dbl005-01-01;password:enrol;srcnum:([^;]+);msg:(.*)", re.DOTALL)
    found = [written.fullmatch(text) for text in server.texts("RECEIVE")]
    assert all(found)
    sent = Counter((match[2], match[3]) for match in found if match)
    assert sent == Counter((message.sender, message.text) for message, _ in running.outcomes)
    assert len({match[1] for match in found if match}) == len(found)
    assert any("\n" in text for _, text in sent)
    assert any(";" in text for _, text in sent)
    assert max(sent.values()) > 1, "equal texts under numbers of their own"


async def test_an_error_is_no_acknowledgement() -> None:
    def refuse(text: str) -> str | None:
        answer = acknowledge(text)
        return answer.replace("OK\n", "ERROR no such line") if answer and "RECEIVE" in answer else answer

    async with listening(refuse) as server:
        running = Running(options(udp_port=server.port, sms_per_minute=3_000.0, numbered=True))
        await running.until(lambda: running.outcomes)
        tally = await running.end()
    assert set(Counter(server.texts("RECEIVE")).values()) == {4}
    assert tally.n_refused >= 4
    assert tally.last_error == "RECEIVE no such line"


async def test_nothing_happens_on_a_line_before_it_is_greeted() -> None:
    async with listening(deaf_to("req")) as server:
        running = Running(options(udp_port=server.port, sms_per_minute=MANY))
        await running.until(lambda: len(server.heard) > 10)
        assert server.texts("RECEIVE") == []
        server.answer = lambda text: acknowledge(text).replace("200", "404")  # type: ignore[union-attr]
        n_heard = len(server.heard)
        await running.until(lambda: len(server.heard) > n_heard + 5)
        assert server.texts("RECEIVE") == []
        server.answer = acknowledge
        await running.until(lambda: server.texts("RECEIVE"))
        tally = await running.end()
    assert tally.n_refused >= 5


async def test_a_restart_counts_from_one_comes_from_another_port_and_uses_numbers_again() -> None:
    async with listening(deaf_to("RECEIVE")) as server:
        running = Running(
            options(
                udp_port=server.port,
                sms_per_minute=3_000.0,
                reboot_every=0.3,
                repeats=1_000,
                pace=10.0,
                numbered=True,
                grace_seconds=0.1,
            )
        )
        await running.until(lambda: len(server.texts("req:1;")) >= 4)
        tally = await running.end()
    assert tally.n_reboots >= 3
    assert len({port for port, _ in server.heard}) >= 4
    by_number: dict[str, set[str]] = {}
    for text in server.texts("RECEIVE"):
        by_number.setdefault(text.split(";")[0], set()).add(text)
    assert any(len(texts) > 1 for texts in by_number.values())
    outcomes = Counter(outcome for _, outcome in running.outcomes)
    assert outcomes[Outcome.FORGOTTEN] > 0
    assert outcomes.keys() <= {Outcome.FORGOTTEN, Outcome.OPEN}
    assert tally.messages.n_sent == len(running.outcomes) == outcomes.total()


async def test_what_gets_lost_on_purpose_is_counted_and_repeated() -> None:
    async with listening() as server:
        running = Running(
            options(udp_port=server.port, sms_per_minute=MANY, loss=0.3, repeat=0.3, reorder=0.3, repeats=100)
        )
        await running.until(lambda: len(running.outcomes) > 100)
        tally = await running.end()
    assert tally.n_lost > 20
    assert tally.n_doubled > 20
    assert tally.n_delayed > 20
    assert tally.n_repeated > 20
    assert {outcome for _, outcome in running.outcomes} == {Outcome.ACKNOWLEDGED}


async def test_a_dead_road_is_silence() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port, loss=1.0))
        await running.until(lambda: running.tally.n_lost > 5)
        tally = await running.end()
    assert server.heard == []
    assert tally.heartbeats.n_acknowledged == 0


async def test_calls_are_told_step_by_step() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port, sms_per_minute=6_000.0, pace=2_000.0))
        await running.until(lambda: server.texts("EXPIRY") and server.texts("req") and server.texts("CELLS"))
        tally = await running.end()
    head = r"STATE:-?\d+;id:dbl005-01-01;password:enrol;"
    state = head + r"gsm_remain_state:(IDLE|ACTIVE|(INCOMING|DIALING|ALERTING|CONNECTED):\d+)"
    assert all(re.fullmatch(state, text) for text in server.texts("STATE"))
    record = r"RECORD:-?\d+;id:dbl005-01-01;password:enrol;dir:[12];num:\d+"
    assert all(re.fullmatch(record, text) for text in server.texts("RECORD"))
    hangup = r"HANGUP:-?\d+;id:dbl005-01-01;password:enrol;num:\d*,cause:[A-Za-z ]+"
    assert all(re.fullmatch(hangup, text) for text in server.texts("HANGUP"))
    assert tally.events.n_acknowledged > 5


@pytest.mark.parametrize("seed", range(20))
def test_a_call_ends_where_it_began(seed: int) -> None:
    random = Random(seed)
    call = make_call(random, Correspondents(random))
    states = [step.state.partition(":")[0] for step in call if step.state]
    assert states in (
        ["INCOMING", "ACTIVE", "IDLE"],
        ["INCOMING", "IDLE"],
        ["DIALING", "ALERTING", "CONNECTED", "IDLE"],
        ["DIALING", "ALERTING", "IDLE"],
    )
    assert [step.event.verb for step in call if step.event.verb in ("RECORD", "HANGUP", "EXPIRY")] == [
        "RECORD",
        "HANGUP",
        "EXPIRY",
    ]


def test_packets_are_as_captured() -> None:
    assert (
        event_text(Event("DELIVER", "sms_no:3;state:0;num:999999999"), "429", "c1", "gateway_password")
        == "DELIVER:429;id:c1;password:gateway_password;sms_no:3;state:0;num:999999999"
    )
    trace = next(event for event in (make_odd_event(Random(n)) for n in range(99)) if event.verb == "AT")
    assert not trace.is_acknowledged
    assert event_text(trace, "20", "goip-1", "goip") == (
        "AT:20;count:1;id:goip-1;password:goip;receive:write:AT+CREG?"
    )


async def test_state_disable_blocks_the_line() -> None:
    def disable(text: str) -> str | None:
        answer = acknowledge(text)
        return answer.replace("OK", "DISABLE") if answer and text.startswith("STATE") else answer

    async with listening(disable) as server:
        running = Running(options(udp_port=server.port, sms_per_minute=6_000.0))
        await running.until(lambda: server.texts("STATE"))
        n_heard = len(server.texts("req"))
        await running.until(lambda: len(server.texts("req")) > n_heard + 1)
        assert "gsm_status:LOGOUT" in server.texts("req")[-1]
        await running.end()


# ---- orders ----


async def reply(running: Running, server: UdpListener, said: str, start: str) -> str:
    """What the line says to an order."""
    n_known = len(server.texts(start))
    server.say(said)
    await running.until(lambda: len(server.texts(start)) > n_known)
    return server.texts(start)[-1]


async def test_the_handshake_of_an_sms() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port))
        await running.until(lambda: server.texts("req"))
        assert await reply(running, server, "MSG 11 6 héllo\n", "PASSWORD") == "PASSWORD 11\n"
        assert await reply(running, server, "PASSWORD 11 wrong\n", "ERROR") == "ERROR 11 PASSWORD\n"
        assert await reply(running, server, f"PASSWORD 11 {KEY}\n", "SEND") == "SEND 11\n"
        server.say("SEND 11 1 +15550123\n")
        await running.until(lambda: server.texts("DELIVER"))
        assert server.texts("WAIT") == ["WAIT 11 1\n"]
        assert server.texts("OK") == ["OK 11 1 1\n"]
        assert server.texts("DELIVER")[0].endswith(";sms_no:1;state:0;num:+15550123")
        assert await reply(running, server, "SEND 11 1 +15550123\n", "OK") == "OK 11 1 1\n"
        assert (
            await reply(running, server, "SEND 11 2 +155500000\n", "ERROR 11 2")
            == "ERROR 11 2 errorstatus:38\n"
        )
        assert await reply(running, server, "DONE 11\n", "DONE") == "DONE 11\n"
        assert await reply(running, server, "SEND 11 3 5\n", "ERROR 11 S") == "ERROR 11 SENDID\n"
        tally = await running.end()
    assert running.texts_out == [("dbl005-01-01", "+15550123", "héllo")]
    assert (tally.n_texts_out, tally.n_asked_again) == (1, 1)


async def test_a_text_is_as_long_as_it_says_and_there_are_five_sessions() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port, pace=1.0))
        await running.until(lambda: server.texts("req"))
        assert await reply(running, server, "MSG 1 99 short\n", "ERROR") == "ERROR 1 LENGTH\n"
        for send_id in range(1, 6):
            assert await reply(running, server, f"MSG {send_id} 1 x\n", "PASS") == f"PASSWORD {send_id}\n"
        assert await reply(running, server, "MSG 1 1 x\n", "PASS") == "PASSWORD 1\n"
        assert await reply(running, server, "MSG 6 1 x\n", "ERROR 6") == "ERROR 6 SENDID\n"
        assert await reply(running, server, f"PASSWORD 6 {KEY}\n", "ERROR 6") == "ERROR 6 SENDID\n"
        assert await reply(running, server, "SEND 1 1 5\n", "ERROR 1 S") == "ERROR 1 SENDID\n"
        await running.end()


async def test_ussd_is_asked_without_a_line_break_and_not_twice() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port, pace=10.0))
        await running.until(lambda: server.texts("req"))
        assert (await reply(running, server, f"USSD 7 {KEY} *100#", "USSD 7")).startswith("USSD 7 *100#: ")
        failed = "USSDERROR 7 USSD send failed!"
        assert await reply(running, server, f"USSD 7 {KEY} *100#", "USSDE") == failed
        assert await reply(running, server, f"USSDEXIT 7 {KEY}\n", "USSDEXIT") == "USSDEXIT 7\n"
        assert await reply(running, server, f"USSD 8 {KEY} *100#\n", "USSDERROR 8") == failed.replace(
            "7", "8"
        )
        assert await reply(running, server, "USSD 9 wrong *1#", "USSDERROR 9") == "USSDERROR 9 PASSWORD"
        assert await reply(running, server, "DONE 7\n", "DONE") == "DONE 7\n"
        assert (await running.end()).n_ussd == 1


async def test_small_questions_have_small_answers() -> None:
    async with listening() as server:
        running = Running(options(udp_port=server.port))
        await running.until(lambda: server.texts("req"))
        assert (
            await reply(running, server, f"get_gsm_state 5 {KEY}\n", "get_gsm_s") == "get_gsm_state 5 IDLE\n"
        )
        imei = await reply(running, server, f"get_imei 6 {KEY}\n", "get_imei")
        assert re.fullmatch(r"get_imei 6 \d{15}\n", imei)
        assert await reply(running, server, "get_imei 7 wrong\n", "ERROR 7") == "ERROR 7 PASSWORD\n"
        assert await reply(running, server, f"SMS 8 1 {KEY} 5551 two words\n", "OK 8") == "OK 8\n"
        await running.until(lambda: running.texts_out == [("dbl005-01-01", "5551", "two words")])
        assert await reply(running, server, f"svr_reboot_dev 9 {KEY}\n", "svr") == "svr_reboot_dev 9 OK\n"
        await running.until(lambda: len(server.texts("req:1;")) == 2)
        for garbage in ("", "hello", "PASSWORD", "SEND", "DONE", "USSD", "SMS", "MSG 1", "get_imei", "\0\n"):
            server.say(garbage)
        n_heard = len(server.texts("req"))
        await running.until(lambda: len(server.texts("req")) > n_heard)
        assert (await running.end()).n_reboots == 1
