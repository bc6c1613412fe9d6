"""What a GoIP line does when the server tells it to: send SMS, ask by USSD, answer small questions.

As the maker's paper has it: a session lasts 90 s from its MSG on, there are five at most, and of the ten last
recipients a line knows how far it is. As reports from the field have it, a USSD that is asked again within a minute
is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

from goip.simulator.boxes.dbl_packets import Event

if TYPE_CHECKING:
    from goip.simulator.boxes.dbl import Line

SESSION_SECONDS: Final = 90.0
MOST_SESSIONS: Final = 5
REMEMBERED: Final = 10
UNREACHABLE: Final = "0000"
"""Nothing gets through to a number with this end."""
REFUSED_BY_NETWORK: Final = 38
_LONGEST_TEXT = 3_000
_USSD_QUIET_SECONDS = 60.0
_MSG = re.compile(rb"MSG (-?\d+) (\d+) ")
_CODE = re.compile(r"[0-9*#+]+")


@dataclass(slots=True)
class Session:
    """One text on its way out; `results` tells of each recipient what was said last."""

    text: str
    began: float
    is_trusted: bool = False
    results: dict[str, str] = field(default_factory=dict)


class Orders:
    """Those of one line, from a power-up to the next."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._password = line.box.options.key
        self._sessions: dict[str, Session] = {}
        self._ussd_at: dict[str, float] = {}
        self._n_on_air = 0
        self._takes = {
            "PASSWORD": self._unlock,
            "SEND": self._send,
            "DONE": self._close,
            "SMS": self._send_at_once,
            "USSDEXIT": self._leave_ussd,
        }

    def hear(self, data: bytes) -> None:
        """Take one datagram of the server; what is no order is nothing."""
        if found := _MSG.match(data):
            self._open(found[1].decode(), data[found.end() :], int(found[2]))
            return
        verb, _, rest = data.decode("utf-8", "replace").partition(" ")
        words = rest.rstrip("\r\n").split(" ")
        if verb == "USSD":
            self._ask(rest.split(" ", 2))  # a line break would be part of the code
        elif verb in self._takes:
            self._takes[verb](words)
        elif verb in _ANSWERS:
            self._answer(verb, words)

    def _open(self, send_id: str, body: bytes, length: int) -> None:
        """`MSG id length text`: the text is as many bytes as it says."""
        self._forget_the_old()
        if length > _LONGEST_TEXT or len(body) < length:
            self._line.write(f"ERROR {send_id} LENGTH\n")
        elif send_id not in self._sessions and len(self._sessions) >= MOST_SESSIONS:
            self._line.write(f"ERROR {send_id} SENDID\n")
        else:
            self._sessions.setdefault(send_id, Session(body[:length].decode("utf-8", "replace"), monotonic()))
            self._line.write(f"PASSWORD {send_id}\n")

    def _unlock(self, words: list[str]) -> None:
        """`PASSWORD id password`."""
        send_id, password, *_ = *words, ""
        session = self._sessions.get(send_id)
        if session is not None and password == self._password:
            session.is_trusted = True
            self._line.write(f"SEND {send_id}\n")
        else:
            self._line.write(f"ERROR {send_id} {'SENDID' if session is None else 'PASSWORD'}\n")

    def _send(self, words: list[str]) -> None:
        """`SEND id recipient number`: one recipient's first goes on air, its repeats ask how far it is."""
        send_id, recipient, number, *_ = *words, "", ""
        self._forget_the_old()
        session = self._sessions.get(send_id)
        if session is None or not session.is_trusted:
            self._line.write(f"ERROR {send_id} SENDID\n")
        elif recipient in session.results:
            self._line.box.fleet.tally.n_asked_again += 1
            self._line.write(session.results[recipient])
        elif not self._is_registered:
            self._line.write(f"ERROR {send_id} {recipient} GSM_LOGOUT\n")
        else:
            session.results[recipient] = f"WAIT {send_id} {recipient}\n"
            for oldest in list(session.results)[:-REMEMBERED]:
                del session.results[oldest]
            self._line.write(session.results[recipient])
            self._line.run(self._put_on_air(session, f"{send_id} {recipient}", number))

    async def _put_on_air(self, session: Session, ids: str, number: str) -> None:
        """Some seconds later the network has it, or will not; a report on its delivery is an event of its own."""
        box, recipient = self._line.box, ids.rpartition(" ")[2]
        await box.pause(box.random.uniform(2, 5))
        if number.endswith(UNREACHABLE):
            session.results[recipient] = f"ERROR {ids} errorstatus:{REFUSED_BY_NETWORK}\n"
            self._line.write(session.results[recipient])
            return
        reference = self._take_reference()
        session.results[recipient] = f"OK {ids} {reference}\n"
        self._line.write(session.results[recipient])
        await self._deliver(number, session.text, reference)

    async def _deliver(self, number: str, text: str, reference: int) -> None:
        box = self._line.box
        box.fleet.text_out(self._line.line_id, number, text)
        await box.pause(box.random.uniform(1, 10))
        self._line.begin(Event("DELIVER", f"sms_no:{reference};state:0;num:{number}"))

    def _send_at_once(self, words: list[str]) -> None:
        """`SMS id 1 password number text`, of which the paper says nothing: it knows no steps."""
        send_id, _, password, number, *text = *words, "", "", "", ""
        if password != self._password or not number:
            self._line.write(f"ERROR {send_id} PASSWORD\n")
        elif not self._is_registered or number.endswith(UNREACHABLE):
            self._line.write(f"ERROR {send_id} GSM_LOGOUT\n")
        else:
            self._line.write(f"OK {send_id}\n")
            whole = " ".join(text).rstrip()
            self._line.run(self._deliver(number, whole, self._take_reference()))

    def _close(self, words: list[str]) -> None:
        """`DONE id` ends a session of any kind, known or not."""
        self._sessions.pop(words[0], None)
        self._ussd_at.pop(words[0], None)
        self._line.write(f"DONE {words[0]}\n")

    def _ask(self, words: list[str]) -> None:
        """`USSD id password code`."""
        send_id, password, code, *_ = *words, "", ""
        asked_at = self._ussd_at.get(send_id, float("-inf"))
        is_too_soon = monotonic() - asked_at < _USSD_QUIET_SECONDS / self._line.box.options.pace
        self._ussd_at[send_id] = monotonic()
        if password != self._password:
            self._line.write(f"USSDERROR {send_id} PASSWORD")
        elif is_too_soon or not _CODE.fullmatch(code) or not self._is_registered:
            self._line.write(f"USSDERROR {send_id} USSD send failed!")
        else:
            self._line.run(self._answer_ussd(send_id, code))

    async def _answer_ussd(self, send_id: str, code: str) -> None:
        await self._line.box.pause(self._line.box.random.uniform(1, 4))
        self._line.box.fleet.tally.n_ussd += 1
        self._line.write(f"USSD {send_id} {code}: your balance is 12.50\n1 Top up\n2 Exit")

    def _leave_ussd(self, words: list[str]) -> None:
        self._ussd_at.pop(words[0], None)
        self._line.write(f"USSDEXIT {words[0]}\n")

    def _answer(self, verb: str, words: list[str]) -> None:
        """`verb id … password`: the value, or OK for what has none."""
        if words[-1] != self._password:
            self._line.write(f"ERROR {words[0]} PASSWORD\n")
            return
        self._line.write(f"{verb} {words[0]} {_ANSWERS[verb](self._line)}\n")
        if verb == "svr_reboot_dev":
            self._line.box.restart()

    @property
    def _is_registered(self) -> bool:
        line = self._line
        return line.slot.has_network and not line.is_empty and not line.is_disabled

    def _take_reference(self) -> int:
        """The modem's own number of a message, which is one byte."""
        self._n_on_air += 1
        return self._n_on_air % 256

    def _forget_the_old(self) -> None:
        oldest = monotonic() - SESSION_SECONDS / self._line.box.options.pace
        self._sessions = {name: each for name, each in self._sessions.items() if each.began >= oldest}


def _say_ok(_line: Line) -> str:
    return "OK"


_ANSWERS: Mapping[str, Callable[[Line], str]] = {
    "get_gsm_num": lambda line: line.slot.sim.phone_number or "",
    "get_gsm_state": lambda line: line.state,
    "get_imei": lambda line: line.slot.imei,
    "get_exp_time": lambda _line: "0",
    "get_remain_time": lambda _line: "-1",
    "get_out_call_interval": lambda _line: "0",
    "reset_remain_time": _say_ok,
    "svr_drop_call": _say_ok,
    "svr_reboot_module": _say_ok,
    "svr_reboot_dev": _say_ok,
}
