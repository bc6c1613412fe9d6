"""Ejoin boxes: what their reports of state mean."""

from __future__ import annotations

from typing import Any

import pytest

from goip.errors import InvalidPayload
from goip.gateways.ejoin.decode import decode
from goip.models import Device, Heartbeat, SimSlot
from goip.rhythm import offline_seconds
from goip.transitions import beat
from tests.gateways.ejoin_pushes import DEV_STATUS, MAC, push, pushed
from tests.gateways.posting import NOW

RAW = "opr:0;tot_dur:0/-1;mon_dur:0/-1;day_dur:0/-1"


def beat_of(address: dict[str, str] | None = None, **fields: Any) -> Heartbeat:
    [told] = decode(pushed({"type": "dev-status", **fields}, "box", **(address or {})))
    assert isinstance(told, Heartbeat)
    return told


def slot_of(**fields: Any) -> SimSlot:
    slots = beat_of(status=[{"port": "1.01", **fields}]).sim_slots
    assert slots is not None
    [slot] = slots
    return slot


def test_a_report_of_a_box() -> None:
    assert decode(push(DEV_STATUS, None)) == (
        Heartbeat(
            device_id=MAC,
            sim_slots=(
                SimSlot(
                    101,
                    iccid="42402117840804563386",
                    imsi="001012345678901",
                    imei="862032045299211",
                    signal_strength=0,
                    status="denied",
                    balance="0.00",
                    raw_status=f"port:1.01;st:6;{RAW}",
                ),
                SimSlot(501, imei="862032045299252", status="no sim", raw_status="port:5.01;st:0"),
            ),
            brand_info={"product": "8 ports, 32 slots each"},
            ip_address="192.168.1.111",
            firmware="608-520-840-841-100-0F0",
            interval_seconds=60,
        ),
    )


def test_the_order_of_fields_and_unknown_ones_do_not_matter() -> None:
    told = {"later": 1, "status": [{"more": [], "st": 3, "port": "1A"}], "ver": 5}
    assert beat_of(**told) == Heartbeat(
        "box",
        sim_slots=(SimSlot(101, status="registered", raw_status="port:1A;st:3"),),
        firmware="5",
        interval_seconds=60,
    )


@pytest.mark.parametrize("told", [None, {}, [], "x", 5, [5, "x", None, [], {}, {"port": "?"}]])
def test_a_report_without_ports_leaves_them_as_they_are(told: Any) -> None:
    assert beat_of(status=told).sim_slots is None
    assert beat_of().sim_slots is None


@pytest.mark.parametrize(
    ("told", "period", "interval"),
    [
        ({"expires": 180}, "", 60),
        ({"expires": "900"}, "", 300),
        ({"expires": 180, "period": 30}, "", 60),
        ({"expires": -1, "period": 300}, "", 300),
        ({"expires": -1}, "120", 120),
        ({"expires": 0}, "", 60),
        ({"expires": 2}, "", 60),
        ({"expires": 10**9}, "", 86_400),
        ({"expires": "soon", "period": [], "max-ports": {}}, "?", 60),
        ({}, "", 60),
    ],
)
def test_a_report_says_until_when_it_holds_or_how_often_it_comes(
    told: Any, period: str, interval: int
) -> None:
    assert beat_of({"period": period}, **told).interval_seconds == interval


def test_a_box_is_offline_soon_after_its_report_expired() -> None:
    device = Device(1, "box", NOW, last_seen_at=NOW)
    known = beat(device, beat_of(expires=180), NOW, 1).device
    assert 180 <= offline_seconds(known) <= 200


@pytest.mark.parametrize(
    ("told", "product"),
    [
        ({"max-ports": 32, "max-slots": 4}, {"product": "32 ports, 4 slots each"}),
        ({"max-ports": "8"}, {"product": "8 ports"}),
        ({"max-slots": []}, None),
    ],
)
def test_a_box_tells_its_size(told: Any, product: Any) -> None:
    assert beat_of(**told).brand_info == product


@pytest.mark.parametrize(
    ("st", "status"),
    [
        (0, "no sim"), (1, "idle"), (2, "searching"), (3, "registered"), (4, "in use"), (5, "error"), (6, "denied"),
        (7, "locked"), (8, "locked"), (9, "error"), (11, "idle"), (12, "locked"), (13, "in use"), (14, "in use"),
        (15, "in use"), (16, "error"), (10, None), (99, None), (1000, None), (-1, None), (None, None), ([], None),
        ("3", "registered"), ("3 REGISTERED", "registered"), ("13 x", "in use"), ("x", None), (True, None), (3.5, None),
    ],
)  # fmt: skip
def test_a_code_is_a_word(st: Any, status: str | None) -> None:
    assert slot_of(st=st).status == status


def test_the_vendors_own_words_are_kept() -> None:
    told = {
        "st": "4 CALLING",
        "opr": "46001 CHN-UNICOM",
        "active": 1,
        "inserted": 1,
        "slot_active": 0,
        "led": 0,
    }
    assert slot_of(**told).raw_status == (
        "port:1.01;st:4 CALLING;opr:46001 CHN-UNICOM;active:1;inserted:1;slot_active:0;led:0"
    )


@pytest.mark.parametrize(
    ("opr", "name"),
    [
        ("46001 CHN-UNICOM", "CHN-UNICOM"), ("310260 T-Mobile US", "T-Mobile US"), ("T-Mobile", "T-Mobile"),
        ("46001 ", "46001"), ("0 ", None), ("", None), (None, None), (46001, "46001"), ("3 IE", "IE"),
    ],
)  # fmt: skip
def test_an_operator_is_its_name_while_the_card_is_registered(opr: Any, name: str | None) -> None:
    assert slot_of(opr=opr, st=3).operator_name == name
    assert slot_of(opr=opr, st="4 in call").operator_name == name
    assert [slot_of(opr=opr, st=st).operator_name for st in (0, 2, 6, None)] == [None] * 4


@pytest.mark.parametrize(
    ("sig", "strength"),
    [
        (0, 0),
        (31, 31),
        ("20", 20),
        (99, None),
        (32, None),
        (-1, None),
        ("", None),
        (None, None),
        (True, None),
        ([], None),
    ],
)
def test_a_signal_is_csq_or_not_known(sig: Any, strength: int | None) -> None:
    assert slot_of(sig=sig).signal_strength == strength


@pytest.mark.parametrize(
    ("name", "field", "told", "kept"),
    [
        ("bal", "balance", 12.5, "12.5"), ("bal", "balance", "-1", "-1"), ("bal", "balance", "", None),
        ("sn", "phone_number", "+12055550199", "+12055550199"), ("sn", "phone_number", "unknown", None),
        ("sn", "phone_number", " ", None), ("iccid", "iccid", "0" * 20, None), ("imsi", "imsi", 310410000000017,
        "310410000000017"), ("imei", "imei", "", None), ("imei", "imei", "86203\x00\n2", "862032"),
        ("iccid", "iccid", "8" * 500, "8" * 64),
    ],
)  # fmt: skip
def test_numbers_of_a_card(name: str, field: str, told: Any, kept: str | None) -> None:
    assert getattr(slot_of(**{name: told}), field) == kept


def test_of_two_cards_in_one_port_the_one_that_works_is_told() -> None:
    rows = [{"port": port, "st": st} for port, st in (("12.01", 1), ("12.sp256.101", 3), ("12.sp256.102", 4))]
    for told in (rows, [{"port": "12.sp1.5", "st": 6}, *rows]):
        assert [slot.raw_status for slot in beat_of(status=told).sim_slots or ()] == [
            "port:12.sp256.101;st:3"
        ]


def test_of_too_many_slots_the_empty_ones_are_left_out() -> None:
    rows = [{"port": f"{port}.{slot:02d}", "st": 0} for port in range(1, 65) for slot in range(1, 33)]
    slots = beat_of(status=[*rows, {"port": "65.01", "st": 3}]).sim_slots
    assert slots is not None
    assert (len(slots), slots[0].slot_index) == (1_024, 6_501)


# ---- one port ----


@pytest.mark.parametrize(
    "told",
    [
        {"port": "2.01", "seq": 7, "st": 3, "sig": 21},
        {"port": "2.01", "seq": 7, "status": "3 REGISTERED", "sig": 21},
        {"status": [{"port": "2.01", "st": 3, "sig": 21}]},
    ],
)
def test_a_port_that_changed_is_told_without_the_others(told: Any) -> None:
    [changed] = decode(pushed({"type": "port-status", **told, "mac": MAC}, None))
    assert isinstance(changed, Heartbeat)
    assert (changed.device_id, changed.is_partial, changed.interval_seconds) == (MAC, True, None)
    assert [(slot.slot_index, slot.status, slot.signal_strength) for slot in changed.sim_slots or ()] == [
        (201, "registered", 21)
    ]


def test_a_port_that_cannot_be_made_out_is_a_sign_of_life() -> None:
    assert decode(pushed({"type": "port-status", "port": "?"})) == (Heartbeat("box"),)


def test_a_report_needs_to_say_who_it_is_from() -> None:
    for kind in ("dev-status", "port-status", "status-report"):
        with pytest.raises(InvalidPayload) as refused:
            decode(pushed({"type": kind}, None))
        assert list(refused.value.fields) == ["deviceId"]
