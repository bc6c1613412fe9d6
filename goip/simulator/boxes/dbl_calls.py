"""What happens on a GoIP line besides messages: calls, step by step, and the rarer news. Pure."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from goip.simulator.boxes.dbl_packets import Event
from goip.simulator.boxes.messages import Correspondents

_ANSWERED_CHANCE = 0.7
_CAUSES = ("Normal call clearing", "User busy", "No user responding", "Call rejected")


class Step(NamedTuple):
    """After so many seconds the line says this, and may be in another state."""

    after_seconds: float
    event: Event
    state: str | None = None


Call = tuple[Step, ...]


def make_call(random: Random, correspondents: Correspondents) -> Call:
    """A call in or out, answered or not, from the first ring to the idle line."""
    number = correspondents.pick().lstrip("+")
    is_answered = random.random() < _ANSWERED_CHANCE
    seconds = random.randrange(2, 90) if is_answered else 0
    steps = _ring_in(number) if random.random() < 0.5 else _ring_out(number)
    if is_answered:
        steps.append(
            _change(random.uniform(2, 10), "ACTIVE" if steps[0].state is None else f"CONNECTED:{number}")
        )
    cause = _CAUSES[0] if is_answered else random.choice(_CAUSES[1:])
    known = number if random.random() < 0.8 else ""
    steps.append(Step(seconds or random.uniform(5, 20), Event("HANGUP", f"num:{known},cause:{cause}")))
    steps.append(Step(0, Event("EXPIRY", f"exp:{seconds}")))
    steps.append(_change(0, "IDLE"))
    if is_answered:
        steps.append(Step(0, Event("REMAIN", "gsm_remain_time:-1")))
    return tuple(steps)


def make_odd_event(random: Random) -> Event:
    """Something that is not about messages or calls; one kind that no paper explains."""
    cells = "".join(f"{random.randrange(512, 886)}," for _ in range(5))
    return random.choice(
        (
            Event("CELLS", f"lists:{cells}"),
            Event("BCCH", f"bcch:{cells}"),
            Event("CELLINFO", f"CELLINFO:LAC:{random.randrange(4096):X},CELL ID:{random.randrange(65536):X}"),
            Event("CGATT", "CGATT:Y"),
            Event("USSN", f"msg:Your balance is {random.randrange(900) / 10:.2f}; thank you:\nKestrel"),
            Event("NUM_ICCID", "num:;iccid:"),
            Event("AT", "receive:write:AT+CREG?", is_acknowledged=False),
        )
    )


def _ring_in(number: str) -> list[Step]:
    return [Step(0, Event("RECORD", f"dir:1;num:{number}")), _change(0, f"INCOMING:{number}")]


def _ring_out(number: str) -> list[Step]:
    return [
        _change(0, f"DIALING:{number}"),
        Step(0, Event("RECORD", f"dir:2;num:{number}")),
        _change(3, f"ALERTING:{number}"),
    ]


def _change(after_seconds: float, state: str) -> Step:
    return Step(after_seconds, Event("STATE", f"gsm_remain_state:{state}"), state)
