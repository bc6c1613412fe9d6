"""Sending through a GoIP box, step by step, with a clock that is set by hand. Numbers are fictitious."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goip.errors import InvalidPayload
from goip.gateways.dbl.causes import cause_of
from goip.gateways.dbl.packets import parse_reply
from goip.gateways.dbl.sending import (
    Outcome,
    Session,
    SmsSession,
    UssdSession,
    body_of,
    dialled,
    ussd_code,
)

NUMBER = "+8613800138000"


class Clock:
    """Feeds a session at times that are set by hand."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.now = 500.0
        self.said = [session.begin(self.now)]

    def hear(self, *replies: str) -> bytes | None:
        said = None
        for words in replies:
            reply = parse_reply(words.encode())
            assert reply is not None
            said = self.session.hear(reply, self.now)
            self._note(said)
        return said

    def wait(self, seconds: float) -> list[bytes]:
        """Let time pass, waking the session whenever it is due; what it said meanwhile."""
        known, until = len(self.said), self.now + seconds
        while not self.session.is_over and self.session.due_at <= until:
            self.now = max(self.now, self.session.due_at)
            self._note(self.session.tick(self.now))
        self.now = until
        return self.said[known:]

    def _note(self, said: bytes | None) -> None:
        if said is not None:
            self.said.append(said)


def sms(text: str = "hello", number: str = NUMBER, password: str = "password1") -> Clock:
    return Clock(SmsSession(11, password, number, body_of(text)))


def ussd(code: str = "*0112220248*10#") -> Clock:
    return Clock(UssdSession(111, "password1", code))


def test_the_sequence_of_the_paper_to_the_byte() -> None:
    line = sms()
    line.hear("PASSWORD 11", "SEND 11", "OK 11 1", "DONE 11")
    assert line.said == [
        b"MSG 11 5 hello\n",
        b"PASSWORD 11 password1\n",
        b"SEND 11 1 +8613800138000\n",
        b"DONE 11\n",
    ]
    assert line.session.outcome == Outcome("done")
    assert line.session.is_over
    assert line.wait(500) == []


def test_the_line_says_that_it_is_busy_and_then_under_which_number_it_sent() -> None:
    line = sms()
    line.hear("PASSWORD 11", "SEND 11", "WAIT 11 1", "WAIT 11 1")
    assert line.session.outcome is None
    assert line.hear("OK 11 1 3") == b"DONE 11\n"
    assert line.session.outcome == Outcome("done", reference="3")
    assert not line.session.is_over


def test_a_message_is_measured_in_bytes_and_keeps_its_lines() -> None:
    assert sms("é ✓\r\n;:").said == [b"MSG 11 10 \xc3\xa9 \xe2\x9c\x93\r\n;:\n"]


def test_nothing_that_is_sent_can_begin_a_line_of_its_own() -> None:
    line = sms(password="pass\r\nSEND 11 1 900", number=dialled("+49\n151\r"))
    assert line.hear("PASSWORD 11") == b"PASSWORD 11 passSEND 11 1 900\n"
    assert line.hear("SEND 11") == b"SEND 11 1 +49151\n"


@pytest.mark.parametrize(
    ("replies", "step"),
    [
        ([], b"MSG 11 5 hello\n"),
        (["PASSWORD 11"], b"PASSWORD 11 password1\n"),
        (["PASSWORD 11", "SEND 11"], b"SEND 11 1 +8613800138000\n"),
    ],
)
def test_an_unanswered_step_is_said_again_every_5_s_three_times(replies: list[str], step: bytes) -> None:
    line = sms()
    line.hear(*replies)
    for _ in range(3):
        assert line.wait(4.9) == []
        assert line.wait(0.1) == [step]
    assert line.wait(4.9) == []
    assert line.wait(0.1) == [b"DONE 11\n"]  # so that it lets go, if it hears us after all
    assert line.session.is_over
    outcome = line.session.outcome
    assert outcome is not None
    assert outcome.status == ("unconfirmed" if step.startswith(b"SEND") else "failed")
    assert outcome.reason == "the line did not answer"


@pytest.mark.parametrize("lost", ["PASSWORD 11", "SEND 11", "OK 11 1"])
def test_a_reply_that_was_lost_is_had_by_asking_again(lost: str) -> None:
    line = sms()
    for reply in ("PASSWORD 11", "SEND 11", "OK 11 1"):
        if reply == lost:
            assert len(line.wait(5)) == 1
        line.hear(reply)
    assert line.session.outcome == Outcome("done")


def test_a_message_that_the_line_has_is_never_handed_over_again() -> None:
    line = sms()
    line.hear("PASSWORD 11", "SEND 11", "WAIT 11 1")
    assert line.wait(89.9) == []
    assert line.wait(0.1) == [b"DONE 11\n"]
    assert line.session.outcome == Outcome("unconfirmed", reason="the line did not answer")


def test_a_session_is_over_90_s_after_its_beginning_whatever_happens() -> None:
    line = sms()
    line.wait(19)
    line.hear("PASSWORD 11")
    line.wait(19)
    line.hear("SEND 11")
    line.wait(19)
    line.hear("WAIT 11 1")
    assert (line.wait(32.9), line.session.is_over) == ([], False)
    assert (line.wait(0.1), line.session.is_over) == ([b"DONE 11\n"], True)


def test_what_comes_twice_or_out_of_turn_moves_nothing() -> None:
    line = sms()
    line.hear("SEND 11", "OK 11 1", "WAIT 11 1", "DONE 11", "USSD 11 x")
    assert (line.said[1:], line.session.outcome) == ([], None)
    line.hear("PASSWORD 11", "PASSWORD 11", "SEND 11", "SEND 11", "PASSWORD 11", "WAIT 11 2", "OK 11 2")
    assert line.said[1:] == [b"PASSWORD 11 password1\n", b"SEND 11 1 +8613800138000\n"]
    line.hear("OK 11 1 8", "OK 11 1 9", "WAIT 11 1", "ERROR 11 1 errorstatus:38")
    assert line.session.outcome == Outcome("done", reference="8")


def test_the_end_of_a_session_is_said_until_it_is_heard() -> None:
    line = sms()
    line.hear("PASSWORD 11", "SEND 11", "OK 11 1")
    assert line.wait(15) == [b"DONE 11\n"] * 3
    assert not line.session.is_over
    assert line.wait(5) == []
    assert line.session.is_over
    assert line.session.outcome == Outcome("done")


@pytest.mark.parametrize(
    ("replies", "reason", "code"),
    [
        (["ERROR 11 GSM_LOGOUT"], "the SIM is not registered in the network", None),
        (["PASSWORD 11", "ERROR 11 PASSWORD"], "the line did not take its password", None),
        (["PASSWORD 11", "SEND 11", "ERROR 11 1 errorstatus:38"], "the network is out of order", 38),
        (
            ["PASSWORD 11", "SEND 11", "WAIT 11 1", "ERROR 11 1 errorstatus:500"],
            "unknown: often a weak signal, or no credit",
            500,
        ),
        (["PASSWORD 11", "SEND 11", "ERROR 11 SENDID"], "the line does not know this session any more", None),
        (["ERROR 11"], "the line gave no reason", None),
        (["ERROR 11 1 errorstatus:9999"], "an error without a name", 9999),
    ],
)
def test_a_refusal_is_told_in_words(replies: list[str], reason: str, code: int | None) -> None:
    line = sms()
    assert line.hear(*replies) == b"DONE 11\n"
    assert line.session.outcome == Outcome("failed", reason=reason, error_code=code)
    line.hear("DONE 11")
    assert line.session.is_over


def test_a_reason_is_one_line_of_bounded_length() -> None:
    assert cause_of("a\r\nb\0" + "x" * 999) == ("ab" + "x" * 198, None)


@pytest.mark.parametrize(
    ("replies", "status"),
    [
        ([], "failed"),
        (["PASSWORD 11"], "failed"),
        (["PASSWORD 11", "SEND 11"], "unconfirmed"),
        (["PASSWORD 11", "SEND 11", "WAIT 11 1"], "unconfirmed"),
        (["PASSWORD 11", "SEND 11", "OK 11 1"], "done"),
    ],
)
def test_a_line_that_starts_anew_may_have_sent_what_it_had(replies: list[str], status: str) -> None:
    line = sms()
    line.hear(*replies)
    line.session.interrupt("the line started anew")
    assert line.session.outcome is not None
    assert (line.session.outcome.status, line.session.is_over) == (status, True)
    assert line.wait(200) == []


@pytest.mark.parametrize("number", ["", "+", "SmarTone", "+49 151", "1;2", "1\t2", "9" * 33, "+49+1"])
def test_a_number_is_one(number: str) -> None:
    with pytest.raises(InvalidPayload, match="phone number"):
        dialled(number)


@pytest.mark.parametrize(
    ("number", "sent"), [("10086", "10086"), (" +49151\r\n", "+49151"), ("*100#", "*100#")]
)
def test_a_number_is_sent_as_it_can_be_dialled(number: str, sent: str) -> None:
    assert dialled(number) == sent


def test_a_text_fits_the_line() -> None:
    assert body_of("é" * 1500) == "é".encode() * 1500
    for text in ("", "é" * 1500 + "x"):
        with pytest.raises(InvalidPayload, match="1 to 3000 bytes"):
            body_of(text)
    assert body_of("x\ud800\0") == "x\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}".encode()


# ---- USSD ----


def test_a_code_is_asked_without_a_line_end_and_the_network_let_go() -> None:
    line = ussd()
    line.hear("USSD 111 Balance: 1.50\n1 Top up", "USSDEXIT 111")
    assert line.said == [b"USSD 111 password1 *0112220248*10#", b"USSDEXIT 111 password1", b"DONE 111\n"]
    assert line.session.outcome == Outcome("done", text="Balance: 1.50\n1 Top up")
    assert line.session.is_over


def test_a_code_is_asked_again_after_a_minute_and_given_up_after_two() -> None:
    line = ussd()
    assert line.wait(59.9) == []
    assert line.wait(0.1) == [line.said[0]]
    assert line.wait(59.9) == []
    assert line.wait(0.1) == [b"DONE 111\n"]
    assert line.session.outcome == Outcome("unconfirmed", reason="the line did not answer")


def test_a_late_answer_counts() -> None:
    line = ussd()
    line.wait(100)
    line.hear("USSD 111 hello")
    assert line.session.outcome == Outcome("done", text="hello")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("USSDERROR 111 USSD send failed!", "USSD send failed!"),
        ("USSD 111 USSD send failed!", "USSD send failed!"),
        ("USSDERROR 111 PASSWORD", "the line did not take its password"),
        ("ERROR 111 GSM_LOGOUT", "the SIM is not registered in the network"),
        ("USSDERROR 111", "the line gave no reason"),
        ("USSDEXIT 111", "the network ended the session without an answer"),
    ],
)
def test_a_code_that_fails_says_why(reply: str, reason: str) -> None:
    line = ussd()
    assert line.hear(reply) == b"DONE 111\n"
    assert line.session.outcome == Outcome("failed", reason=reason)
    assert line.session.is_over


def test_the_exit_is_said_until_it_is_heard_and_then_the_line_is_let_go() -> None:
    line = ussd()
    line.wait(119)  # the parting has its own time
    line.hear("USSD 111 hello")
    assert line.wait(15) == [b"USSDEXIT 111 password1"] * 3
    assert line.wait(5) == [b"DONE 111\n"]
    assert line.session.is_over
    assert line.session.outcome == Outcome("done", text="hello")


@pytest.mark.parametrize("code", ["", "*100#\n", "*100 #", "a", "*100#;", "１", "1" * 161])
def test_a_code_is_one(code: str) -> None:
    with pytest.raises(InvalidPayload, match="code must"):
        ussd_code(code)


REPLIES = st.builds(
    "{} 11 {}".format,
    st.sampled_from(["PASSWORD", "SEND", "WAIT", "OK", "ERROR", "DONE", "USSD", "USSDERROR", "USSDEXIT"]),
    st.sampled_from(["", "1", "1 3", "1 errorstatus:38", "2"]) | st.text(max_size=9),
)


@given(st.booleans(), st.lists(REPLIES | st.floats(0, 70), max_size=25))
def test_every_session_ends_and_hands_over_at_most_four_times(is_sms: bool, steps: list[str | float]) -> None:
    line = sms() if is_sms else Clock(UssdSession(11, "p", "*1#"))
    for step in steps:
        if isinstance(step, float):
            line.wait(step)
        elif not line.session.is_over:
            line.hear(step)
    line.wait(300)
    assert line.session.is_over
    assert line.session.outcome is not None
    n_sent = sum(said.startswith((b"SEND 11", b"USSD 11")) for said in line.said)
    assert n_sent <= (4 if is_sms else 2)
