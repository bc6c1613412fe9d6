"""What we ask of a line: to send a message, to ask the network by USSD. Pure: no socket, no clock.

A session is fed with the line's replies and with the time, in seconds of any clock that only goes forward; each
answers with the datagram to send now, or None. A step that stays unanswered is said again, but never what may be
carried out twice: once the line has said WAIT, it has the message.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import NamedTuple

from goip.errors import InvalidPayload
from goip.fields import storable
from goip.gateways.dbl.causes import cause_of
from goip.gateways.dbl.packets import Reply
from goip.gateways.outcome import Outcome

MOST_TEXT_BYTES = 3_000

_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_CODE = re.compile(r"[0-9*#+]{1,160}")
_USSD_FAILED = "USSD send failed!"
_TEL_ID = "1"
"""The number of the receiver in its session: there is one."""


class Pace(NamedTuple):
    """How long a session waits. The line forgets a message's session `session_seconds` after its beginning."""

    step_seconds: float = 5.0
    n_repeats: int = 3
    session_seconds: float = 90.0
    ussd_repeat_seconds: float = 60.0
    """Asked again before, the box ends what it is doing."""
    ussd_seconds: float = 120.0


PACE = Pace()


_QUESTIONS = frozenset(
    {
        "get_gsm_num",
        "get_gsm_state",
        "get_imei",
        "get_exp_time",
        "get_remain_time",
        "get_out_call_interval",
    }
)
COMMANDS = _QUESTIONS | {"svr_drop_call", "svr_reboot_module", "svr_reboot_dev"}
"""The commands of a line that leave its settings and its SIM as they are: questions, the end of a call, a restart."""


def known_command(command: str) -> str:
    """The command, if it is one that does no lasting harm. Raises InvalidPayload."""
    if command not in COMMANDS:
        known = ", ".join(sorted(COMMANDS))
        raise InvalidPayload(f"command must be one of {known}", fields={"command": ["Not a known command."]})
    return command


def dialled(number: str) -> str:
    """The number as the line can dial it. Raises InvalidPayload."""
    number = number.replace("\r", "").replace("\n", "").strip()
    if not _NUMBER.fullmatch(number):
        raise InvalidPayload(
            "to must be a phone number of digits, with or without a +", fields={"to": ["Not a phone number."]}
        )
    return number


def body_of(text: str) -> bytes:
    """The text as the line takes it; line breaks inside stay, as its length goes before it. Raises InvalidPayload."""
    body = storable(text).encode()
    if not 0 < len(body) <= MOST_TEXT_BYTES:
        raise InvalidPayload(
            f"message must be 1 to {MOST_TEXT_BYTES} bytes of UTF-8, not {len(body)}",
            fields={"message": [f"Must be 1 to {MOST_TEXT_BYTES} bytes of UTF-8."]},
        )
    return body


def ussd_code(code: str) -> str:
    """The code, if it is one. Raises InvalidPayload."""
    if not _CODE.fullmatch(code):
        raise InvalidPayload("code must consist of 0-9, *, # and +", fields={"code": ["Not a USSD code."]})
    return code


class Session(ABC):
    """One thing asked of a line, under an id that the line repeats.

    `due_at` is when to `tick` next, `outcome` is there as soon as it is known; the session goes on until `is_over`,
    so that the line lets go of it too.
    """

    def __init__(self, send_id: int, password: str, pace: Pace) -> None:
        self.outcome: Outcome | None = None
        self.is_over = False
        self.due_at = 0.0
        self.send_id = send_id
        self._password = password.replace("\r", "").replace("\n", "")
        self._pace = pace
        self._step = ""
        self._datagram = b""
        self._wait_seconds = 0.0
        self._n_left = 0
        self._ends_at = 0.0

    @abstractmethod
    def begin(self, now: float) -> bytes:
        """The first datagram."""

    @abstractmethod
    def hear(self, reply: Reply, now: float) -> bytes | None:
        """The line replied; what does not belong to the step that is being waited for means nothing."""

    def tick(self, now: float) -> bytes | None:
        """Time passed: say the step again, or give up and let the line go."""
        if self.is_over or now < self.due_at:
            return None
        if self._n_left and now < self._ends_at:
            self._n_left -= 1
            self.due_at = min(now + self._wait_seconds, self._ends_at)
            return self._datagram
        self.interrupt("the line did not answer")
        return None if self._step == "DONE" else self._done()

    def interrupt(self, reason: str) -> None:
        """It goes no further."""
        self.is_over = True
        if self.outcome is None:
            self.outcome = Outcome("unconfirmed" if self._is_with_line() else "failed", reason=reason)

    @abstractmethod
    def _is_with_line(self) -> bool:
        """True once the line may have carried it out."""

    def _say(self, step: str, datagram: bytes, now: float, wait: float, n_repeats: int) -> bytes:
        """Go on to that step, and say it until there is an answer."""
        self._step, self._datagram, self._wait_seconds, self._n_left = step, datagram, wait, n_repeats
        self.due_at = min(now + wait, self._ends_at)
        return datagram

    def _ask(self, step: str, words: str, now: float) -> bytes:
        datagram = f"{step} {self.send_id}{words}\n".encode()
        return self._say(step, datagram, now, self._pace.step_seconds, self._pace.n_repeats)

    def _done(self) -> bytes:
        return f"DONE {self.send_id}\n".encode()


class SmsSession(Session):
    """One message to one receiver: MSG, PASSWORD, SEND, DONE. `number` and `body` are what can be sent."""

    def __init__(self, send_id: int, password: str, number: str, body: bytes, pace: Pace = PACE) -> None:
        super().__init__(send_id, password, pace)
        self._number = number
        self._body = body

    def begin(self, now: float) -> bytes:
        """The text, with its length in bytes."""
        self._ends_at = now + self._pace.session_seconds
        head = f"MSG {self.send_id} {len(self._body)} ".encode()
        pace = self._pace
        return self._say("MSG", head + self._body + b"\n", now, pace.step_seconds, pace.n_repeats)

    def hear(self, reply: Reply, now: float) -> bytes | None:
        """The next step, when this one is answered."""
        told = reply.rest.split(" ")
        match self._step, reply.verb:
            case "MSG", "PASSWORD":
                return self._ask("PASSWORD", f" {self._password}", now)
            case "PASSWORD", "SEND":
                return self._ask("SEND", f" {_TEL_ID} {self._number}", now)
            case "SEND", "WAIT":
                self._step, self._n_left, self.due_at = "WAIT", 0, self._ends_at
            case (("SEND" | "WAIT"), "OK") if told[0] in ("", _TEL_ID):
                reference = told[1].strip()[:20] if len(told) > 1 else ""
                self.outcome = Outcome("done", reference=reference or None)
                return self._ask("DONE", "", now)
            case (("MSG" | "PASSWORD" | "SEND" | "WAIT"), "ERROR"):
                reason, code = cause_of(reply.rest)
                self.outcome = Outcome("failed", reason=reason, error_code=code)
                return self._ask("DONE", "", now)
            case "DONE", ("DONE" | "ERROR"):
                self.is_over = True
        return None

    def _is_with_line(self) -> bool:
        return self._step in ("SEND", "WAIT")


class UssdSession(Session):
    """One code and the network's answer to it; the network is not kept waiting for more."""

    def __init__(self, send_id: int, password: str, code: str, pace: Pace = PACE) -> None:
        super().__init__(send_id, password, pace)
        self._code = code

    def begin(self, now: float) -> bytes:
        """The code, with nothing behind it: a line end would be dialled with it."""
        pace = self._pace
        self._ends_at = now + pace.ussd_seconds
        asked = f"USSD {self.send_id} {self._password} {self._code}".encode()
        return self._say("USSD", asked, now, pace.ussd_repeat_seconds, 1)

    def hear(self, reply: Reply, now: float) -> bytes | None:
        """After an answer the end of the session, after that of the line's."""
        match self._step, reply.verb:
            case "USSD", "USSD" if reply.rest.strip() == _USSD_FAILED:
                return self._fail(reply.rest)
            case "USSD", "USSD":
                self.outcome = Outcome("done", text=storable(reply.rest))
                return self._leave(now)
            case "USSD", ("USSDERROR" | "ERROR"):
                return self._fail(reply.rest)
            case "USSD", "USSDEXIT":
                return self._fail("the network ended the session without an answer")
            case "USSDEXIT", ("USSDEXIT" | "USSDERROR" | "ERROR" | "DONE"):
                self.is_over = True
                return self._done()
        return None

    def _leave(self, now: float) -> bytes:
        pace = self._pace
        self._ends_at = now + pace.step_seconds * (pace.n_repeats + 1)
        datagram = f"USSDEXIT {self.send_id} {self._password}".encode()
        return self._say("USSDEXIT", datagram, now, pace.step_seconds, pace.n_repeats)

    def _fail(self, told: str) -> bytes:
        reason, code = cause_of(told)
        self.outcome = Outcome("failed", reason=reason, error_code=code)
        self.is_over = True
        return self._done()

    def _is_with_line(self) -> bool:
        return True


class CommandSession(Session):
    """One question about the line, or one thing that it does at once. `command` is one of `COMMANDS`."""

    def __init__(self, send_id: int, password: str, command: str, pace: Pace = PACE) -> None:
        super().__init__(send_id, password, pace)
        self._command = command

    def begin(self, now: float) -> bytes:
        """The command; a question may be asked again, a restart is not begun twice."""
        pace = self._pace
        n_repeats = pace.n_repeats if self._command in _QUESTIONS else 0
        self._ends_at = now + pace.step_seconds * (n_repeats + 1)
        asked = f"{self._command} {self.send_id} {self._password}\n".encode()
        return self._say(self._command, asked, now, pace.step_seconds, n_repeats)

    def tick(self, now: float) -> bytes | None:
        """Time passed; the line has nothing to let go of."""
        datagram = super().tick(now)
        return None if self.is_over else datagram

    def hear(self, reply: Reply, now: float) -> bytes | None:
        """The value, or why there is none: there is no more to say then."""
        if reply.verb == self._command:
            self.outcome = Outcome("done", text=storable(reply.rest).strip())
        elif reply.verb == "ERROR":
            reason, code = cause_of(reply.rest)
            self.outcome = Outcome("failed", reason=reason, error_code=code)
        self.is_over = self.outcome is not None
        return None

    def _is_with_line(self) -> bool:
        return self._command not in _QUESTIONS
