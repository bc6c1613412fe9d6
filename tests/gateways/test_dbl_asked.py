"""Lines that are asked to send, over a real UDP socket and a real database. Numbers are fictitious."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest

from goip.errors import InvalidPayload, NotFound, Unavailable
from goip.gateways.dbl.lines import N_PLACES
from goip.gateways.dbl.listener import DblListener
from goip.gateways.outcome import Outcome
from goip.store.store import Store
from tests.gateways.dbl_line import (
    KEY,
    QUICK,
    FakeLine,
    facts,
    listening,
    obeys,
    plugged_in,
    says_nothing,
    until,
)

NUMBER = "+8613800138000"


@pytest.fixture
async def listener(store: Store) -> AsyncIterator[DblListener]:
    async with listening(store, QUICK) as listener:
        yield listener


@pytest.fixture
async def line(listener: DblListener) -> AsyncIterator[FakeLine]:
    async with plugged_in(listener, "a", obeys) as line:
        yield line


def verbs(line: FakeLine) -> list[str]:
    return [words.split()[0] for words in line.heard]


def losing(verb: str, n_times: int = 1) -> Callable[[str], list[str]]:
    """A line whose first replies of that verb are lost on the way."""
    lost: Counter[str] = Counter()

    def answer(words: str) -> list[str]:
        said = []
        for reply in obeys(words):
            if reply.startswith(verb) and lost[verb] < n_times:
                lost[verb] += 1
            else:
                said.append(reply)
        return said

    return answer


def deaf_to(verb: str) -> Callable[[str], list[str]]:
    """A line that our first datagram of that verb does not reach."""
    missed: set[str] = set()

    def answer(words: str) -> list[str]:
        if words.startswith(verb + " ") and verb not in missed:
            missed.add(verb)
            return []
        return obeys(words)

    return answer


async def test_the_whole_sequence_to_the_byte(listener: DblListener, line: FakeLine) -> None:
    assert await listener.send_sms("a", NUMBER, "hello") == Outcome("done", reference="7")
    await until(lambda: not len(listener._sessions))
    send_id = line.heard[0].split()[1]
    assert line.heard == [
        f"MSG {send_id} 5 hello\n",
        f"PASSWORD {send_id} {KEY}\n",
        f"SEND {send_id} 1 {NUMBER}\n",
        f"DONE {send_id}\n",
    ]


async def test_a_report_names_the_message_by_the_number_it_was_sent_under(
    listener: DblListener, line: FakeLine, store: Store
) -> None:
    outcome = await listener.send_sms("a", NUMBER, "hello")
    assert await line.tell("DELIVER", 429, f"sms_no:{outcome.reference};state:0") == "DELIVER 429 OK\n"
    (fact,) = await facts(store, "delivery-report")
    assert (fact["reference"], fact["statusCode"]) == ("7", 0)


@pytest.mark.parametrize("verb", ["MSG", "PASSWORD", "SEND"])
async def test_any_question_may_be_lost(listener: DblListener, line: FakeLine, verb: str) -> None:
    line.answer = deaf_to(verb)
    assert (await listener.send_sms("a", NUMBER, "hello")).status == "done"
    assert Counter(verbs(line))[verb] == 2


@pytest.mark.parametrize("verb", ["PASSWORD", "SEND"])
async def test_any_reply_before_the_sending_may_be_lost(
    listener: DblListener, line: FakeLine, verb: str
) -> None:
    line.answer = losing(verb, n_times=3)
    assert (await listener.send_sms("a", NUMBER, "hello")).status == "done"
    assert Counter(verbs(line))["SEND"] == 1


async def test_a_lost_wait_does_not_matter_when_the_line_is_quick(
    listener: DblListener, line: FakeLine
) -> None:
    line.answer = losing("WAIT")
    assert (await listener.send_sms("a", NUMBER, "hello")).status == "done"
    assert Counter(verbs(line))["SEND"] == 1


async def test_a_lost_ok_after_a_wait_leaves_it_unknown_and_sends_nothing_twice(
    listener: DblListener, line: FakeLine
) -> None:
    line.answer = losing("OK")
    assert (await listener.send_sms("a", NUMBER, "hello")).status == "unconfirmed"
    assert verbs(line)[:3] == ["MSG", "PASSWORD", "SEND"]
    assert Counter(verbs(line))["SEND"] == 1


async def test_a_lost_farewell_is_said_again(listener: DblListener, line: FakeLine) -> None:
    line.answer = losing("DONE")
    assert (await listener.send_sms("a", NUMBER, "hello")).status == "done"
    await until(lambda: not len(listener._sessions))
    assert Counter(verbs(line))["DONE"] == 2


async def test_a_line_that_does_not_answer_fails_and_is_let_go(listener: DblListener, line: FakeLine) -> None:
    line.answer = says_nothing
    outcome = await listener.send_sms("a", NUMBER, "hello")
    assert (outcome.status, outcome.reason) == ("failed", "the line did not answer")
    await until(lambda: verbs(line) == ["MSG"] * 4 + ["DONE"])


async def test_an_error_is_told(listener: DblListener, line: FakeLine) -> None:
    def refuses(words: str) -> list[str]:
        send_id = words.split()[1]
        return [f"ERROR {send_id} 1 errorstatus:38\n"] if words.startswith("SEND") else obeys(words)

    line.answer = refuses
    outcome = await listener.send_sms("a", NUMBER, "hello")
    assert outcome == Outcome("failed", reason="the network is out of order", error_code=38)


async def test_a_line_that_moves_in_the_middle_is_followed(listener: DblListener, line: FakeLine) -> None:
    """A NAT that forgot: the line's next word comes from another port, and it hears nothing on the old one."""
    line.answer = says_nothing
    sending = asyncio.create_task(listener.send_sms("a", NUMBER, "hello"))
    await until(lambda: bool(line.heard))
    await line.plug_in()
    line.answer = obeys
    line.say(f"PASSWORD {line.heard[0].split()[1]}\n")
    assert (await sending).status == "done"


async def test_a_keepalive_from_another_port_is_enough_to_be_followed(
    listener: DblListener, line: FakeLine
) -> None:
    line.answer = says_nothing
    sending = asyncio.create_task(listener.send_sms("a", NUMBER, "hello"))
    await until(lambda: bool(line.heard))
    await line.plug_in()
    line.answer = obeys
    await line.beat()
    assert (await sending).status == "done"


async def test_a_stranger_cannot_draw_a_lines_words_to_another_host(
    listener: DblListener, line: FakeLine
) -> None:
    line.answer = says_nothing
    sending = asyncio.create_task(listener.send_sms("a", NUMBER, "hello"))
    await until(lambda: bool(line.heard))
    known = listener._lines.find("a")
    assert known is not None
    address = known.address
    listener.datagram_received(f"PASSWORD {line.heard[0].split()[1]}".encode(), ("203.0.113.9", 5))
    assert known.address == address
    await until(lambda: "PASSWORD" in verbs(line))
    line.answer = obeys
    assert (await sending).status == "done"


@pytest.mark.parametrize(("step", "status"), [("MSG", "failed"), ("SEND", "unconfirmed")])
async def test_a_line_that_starts_anew_in_the_middle_has_forgotten(
    listener: DblListener, line: FakeLine, step: str, status: str
) -> None:
    line.answer = lambda words: [] if words.startswith(step) else obeys(words)
    sending = asyncio.create_task(listener.send_sms("a", NUMBER, "hello"))
    await until(lambda: step in verbs(line))
    await line.beat(count=1)
    assert await sending == Outcome(status, reason="the line started anew")  # type: ignore[arg-type]
    assert not len(listener._sessions)


async def test_a_line_has_five_sessions_at_once_and_no_more(listener: DblListener, line: FakeLine) -> None:
    line.answer = says_nothing
    sending = [asyncio.create_task(listener.send_sms("a", NUMBER, f"text {n}")) for n in range(8)]
    await until(lambda: len(set(line.heard)) == N_PLACES)
    await line.beat()  # whatever else was on its way has arrived
    assert len(set(line.heard)) == len(listener._sessions) == N_PLACES
    line.answer = obeys
    outcomes = await asyncio.gather(*sending)
    assert {outcome.status for outcome in outcomes} == {"done"}
    assert len({words.split()[1] for words in line.heard}) == 8


async def test_a_line_with_its_places_taken_holds_up_no_other(listener: DblListener, line: FakeLine) -> None:
    line.answer = says_nothing
    sending = [asyncio.create_task(listener.send_sms("a", NUMBER, "text")) for _ in range(6)]
    async with plugged_in(listener, "b", obeys):
        assert (await listener.send_sms("b", NUMBER, "text")).status == "done"
    assert {(await each).status for each in sending} == {"failed"}


async def test_who_does_not_wait_for_the_outcome_leaves_the_session_to_its_end(
    listener: DblListener, line: FakeLine
) -> None:
    line.answer = says_nothing
    sending = asyncio.create_task(listener.send_sms("a", NUMBER, "hello"))
    await until(lambda: bool(line.heard))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    line.answer = obeys
    await until(lambda: "DONE" in verbs(line) and not len(listener._sessions))


@pytest.mark.parametrize(("number", "text"), [("SmarTone", "x"), (NUMBER, ""), (NUMBER, "x" * 3001)])
async def test_what_no_line_can_send_is_refused_at_once(
    listener: DblListener, line: FakeLine, number: str, text: str
) -> None:
    with pytest.raises(InvalidPayload):
        await listener.send_sms("a", number, text)
    assert line.heard == []


async def test_a_line_that_was_not_heard_from_cannot_be_asked(
    listener: DblListener, line: FakeLine, store: Store
) -> None:
    with pytest.raises(NotFound):
        await listener.send_sms("nobody", NUMBER, "hello")
    async with listening(store, QUICK) as restarted:
        with pytest.raises(Unavailable, match="not heard from"):
            await restarted.send_sms("a", NUMBER, "hello")


async def test_a_server_that_stops_says_what_is_not_known(store: Store) -> None:
    async with listening(store) as listener, plugged_in(listener, "a", says_nothing) as line:
        line.answer = lambda words: [] if words.startswith("SEND") else obeys(words)
        sending = asyncio.create_task(listener.send_sms("a", NUMBER, "hello"))
        await until(lambda: "SEND" in verbs(line))
        await listener._sessions.close(patience_seconds=0)
        assert await sending == Outcome("unconfirmed", reason="the server stopped")
        with pytest.raises(Unavailable, match="stopping"):
            await listener.send_sms("a", NUMBER, "hello")


# ---- USSD ----


async def test_an_answer_of_the_network_is_returned_and_told(
    listener: DblListener, line: FakeLine, store: Store
) -> None:
    assert await listener.ask_ussd("a", "*100#") == Outcome("done", text="Balance: 1.50")
    await until(lambda: not len(listener._sessions))
    send_id = line.heard[0].split()[1]
    assert line.heard == [f"USSD {send_id} {KEY} *100#", f"USSDEXIT {send_id} {KEY}", f"DONE {send_id}\n"]
    (fact,) = await facts(store, "ussd-received")
    assert fact["text"] == "Balance: 1.50"


async def test_a_lost_ussd_is_asked_again(listener: DblListener, line: FakeLine) -> None:
    line.answer = losing("USSD")
    assert (await listener.ask_ussd("a", "*100#")).text == "Balance: 1.50"
    assert Counter(verbs(line))["USSD"] == 2


async def test_a_ussd_that_fails_tells_nothing(listener: DblListener, line: FakeLine, store: Store) -> None:
    line.answer = lambda words: [f"USSDERROR {words.split()[1]} USSD send failed!"]
    assert await listener.ask_ussd("a", "*100#") == Outcome("failed", reason="USSD send failed!")
    assert await facts(store, "ussd-received") == []
    with pytest.raises(InvalidPayload):
        await listener.ask_ussd("a", "*100#\n")


def says(words: str, *, to: str) -> Callable[[str], list[str]]:
    """A line that answers that command with these words, its id in between."""

    def answer(asked: str) -> list[str]:
        verb, send_id, *_ = asked.split()
        first, _, rest = words.partition(" ")
        return [f"{first} {send_id} {rest}\n"] if verb == to else []

    return answer


@pytest.mark.parametrize(
    ("command", "words", "outcome"),
    [
        ("get_gsm_state", "get_gsm_state IDLE", Outcome("done", text="IDLE")),
        ("get_imei", "get_imei 867495020000017", Outcome("done", text="867495020000017")),
        ("get_remain_time", "get_remain_time -1", Outcome("done", text="-1")),
        ("svr_drop_call", "svr_drop_call OK", Outcome("done", text="OK")),
        ("get_exp_time", "ERROR PASSWORD", Outcome("failed", reason="PASSWORD")),
    ],
)
async def test_a_line_does_what_leaves_it_as_it_is(
    listener: DblListener, command: str, words: str, outcome: Outcome
) -> None:
    async with plugged_in(listener, "a", says(words, to=command)) as line:
        told = await listener.command("a", command)
        assert (told.status, told.text) == (outcome.status, outcome.text)
        assert line.heard == [f"{command} {line.heard[0].split()[1]} {KEY}\n"]
        assert len(listener._sessions) == 0


async def test_a_question_is_asked_again_and_a_restart_is_not(listener: DblListener) -> None:
    async with plugged_in(listener, "a", says_nothing) as line:
        assert (await listener.command("a", "get_imei")).status == "failed"
        assert verbs(line) == ["get_imei"] * 4
        line.heard.clear()
        assert (await listener.command("a", "svr_reboot_dev")).status == "unconfirmed"
        assert verbs(line) == ["svr_reboot_dev"]


@pytest.mark.parametrize("command", ["set_imei", "module_ctl", "ATCMD", "get_imei 1\nsvr_reboot_dev", ""])
async def test_what_could_do_lasting_harm_is_not_said(
    listener: DblListener, line: FakeLine, command: str
) -> None:
    with pytest.raises(InvalidPayload):
        await listener.command("a", command)
    assert line.heard == []
