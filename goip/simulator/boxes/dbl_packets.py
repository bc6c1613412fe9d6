"""The packets that a GoIP line sends of its own accord, to the byte. Pure."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from goip.simulator.slots import LiveSlot

_NO_IMSI = "0" * 15
_NO_ICCID = "0" * 20
_NO_CELL = "LAC:FFFF,CELL ID:FFFF"


class Event(NamedTuple):
    """One event: its verb, and what stands behind the password."""

    verb: str
    fields: str
    is_acknowledged: bool = True


class Speaker(Protocol):
    """What a keepalive tells of."""

    @property
    def line_id(self) -> str: ...
    @property
    def slot(self) -> LiveSlot: ...
    @property
    def state(self) -> str: ...
    @property
    def is_empty(self) -> bool: ...
    @property
    def is_disabled(self) -> bool: ...
    @property
    def is_new_firmware(self) -> bool: ...


def keepalive_text(line: Speaker, count: int, password: str) -> str:
    """`req:…`, which ends with a semicolon; old firmwares stop after the operator."""
    slot, is_in = line.slot, not line.is_empty
    sim = slot.sim
    is_on = is_in and slot.has_network and not line.is_disabled
    pairs = {
        "req": str(count),
        "id": line.line_id,
        "pass": password,
        "num": (sim.phone_number or "").lstrip("+") if is_in else "",
        "signal": str(slot.signal) if is_in else "",
        "gsm_status": "LOGIN" if is_on else "LOGOUT",
        "voip_status": "LOGIN",
        "voip_state": line.state,
        "remain_time": "-1",
        "imei": slot.imei,
        "imsi": sim.imsi if is_in else _NO_IMSI,
        "iccid": sim.iccid if is_in else _NO_ICCID,
        "pro": sim.carrier_name if is_on else "",
    }
    if line.is_new_firmware:
        pairs |= {
            "idle": "0" if line.state != "IDLE" else str(count // 2),
            "disable_status": str(int(line.is_disabled)),
            "SMS_LOGIN": "Y",
            "SMB_LOGIN": "",
            "CELLINFO": f"LAC:{slot.index + 0x7E0:X},CELL ID:5E5B" if is_on else _NO_CELL,
            "CGATT": "Y" if is_on else "N",
        }
    return "".join(f"{name}:{value};" for name, value in pairs.items())


def event_text(event: Event, number: str, line_id: str, password: str) -> str:
    """`VERB:…`, which ends with its last value. An AT trace has a field before the id."""
    count = "count:1;" if event.verb == "AT" else ""
    return f"{event.verb}:{number};{count}id:{line_id};password:{password};{event.fields}"
