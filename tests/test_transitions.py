"""What a heartbeat, silence or an operator does to a device."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from goip import transitions
from goip.clock import to_iso
from goip.models import Device, Heartbeat, Rhythm, SetAside, SimSlot, Status
from goip.rhythm import offline_seconds
from goip.transitions import Step

NOW = 1_795_238_541_123
CARD = "89490200001234567890"


def device(**fields: Any) -> Device:
    """A device that was heard from half a minute ago."""
    return Device(
        **{
            "pk": 7,
            "device_id": "gw-1",
            "registered_at": NOW - 86_400_000,
            "status": "online",
            "status_since": NOW - 3_600_000,
            "last_seen_at": NOW - 30_000,
            "seq": 100,
            "beat_seq": 100,
            **fields,
        }
    )


def beat(known: Device, at: int = NOW, seq: int = 101, **fields: Any) -> Step:
    """The step of one heartbeat that tells `fields`."""
    return transitions.beat(known, Heartbeat(known.device_id, **fields), at, seq)


def names(step: Step) -> list[str]:
    return [fact.name for fact in step.facts]


# ---- what a beat tells ----


def test_a_beat_brings_what_it_tells_and_leaves_what_it_does_not() -> None:
    known = device(battery_level=80, charging=True, firmware="1.0", phone_number="+4915")
    after = beat(known, battery_level=0, charging=False).device
    assert (after.battery_level, after.charging) == (0, False)
    assert (after.firmware, after.phone_number) == ("1.0", "+4915")


def test_a_beat_moves_the_place_in_the_stream_and_the_head_of_the_chain() -> None:
    after = beat(device(), seq=555).device
    assert (after.seq, after.beat_seq, after.last_seen_at) == (555, 555, NOW)


def test_a_name_that_is_known_is_kept_and_a_first_one_is_taken() -> None:
    assert beat(device(name="Roof"), name="Pixel 7").device.name == "Roof"
    assert beat(device(name=None), name="Pixel 7").device.name == "Pixel 7"


def test_an_interval_that_an_operator_set_outlives_a_declared_one() -> None:
    after = beat(device(set_interval_seconds=10), interval_seconds=300).device
    assert (after.interval_seconds, after.declared_interval_seconds) == (10, 300)


def test_a_beat_of_an_online_device_tells_no_fact() -> None:
    assert beat(device(), battery_level=5).facts == ()


# ---- coming back ----


@pytest.mark.parametrize(
    ("status", "last_seen_at", "reason"),
    [
        ("unknown", None, "first heartbeat"),
        ("unknown", NOW - 30_000, "first heartbeat since the server started"),
        ("late", NOW - 95_999, "heartbeat after 95 s of silence"),
        ("offline", NOW - 86_400_000, "heartbeat after 86400 s of silence"),
        ("offline", NOW + 3_600_000, "heartbeat after 0 s of silence"),  # our clock was set back
    ],
)
def test_a_beat_brings_a_device_back_and_says_why(
    status: Status, last_seen_at: int | None, reason: str
) -> None:
    step = beat(device(status=status, last_seen_at=last_seen_at))
    assert (step.device.status, step.device.status_reason, step.device.status_since) == (
        "online",
        reason,
        NOW,
    )
    (fact,) = step.facts
    assert fact.name == "device-status-change"
    assert fact.data == {
        "deviceId": "gw-1",
        "previousStatus": status,
        "currentStatus": "online",
        "isOnline": True,
        "isNewDevice": False,
        "reason": reason,
        "at": to_iso(NOW),
    }


def test_an_old_beat_brings_a_device_back_too() -> None:
    step = beat(device(status="offline", sent_at=NOW), sent_at=NOW - 60_000)
    assert step.is_backlog
    assert step.device.status == "online"
    assert names(step) == ["device-status-change"]


@pytest.mark.parametrize(("status", "is_online"), [("late", True), ("offline", False), ("unknown", False)])
def test_silence_flips_the_status_and_nothing_else(status: Status, is_online: bool) -> None:
    known = device(battery_level=80)
    step = transitions.silence(known, status, "no heartbeat", NOW, 101)
    expected = replace(known, status=status, status_reason="no heartbeat", status_since=NOW, seq=101)
    assert step.device == expected
    (fact,) = step.facts
    assert fact.data["previousStatus"] == "online"
    assert fact.data["currentStatus"] == status
    assert fact.data["isOnline"] is is_online


def test_a_new_device_had_no_status_before() -> None:
    fact = transitions.status_fact(device(), "online", "registered", NOW, is_new_device=True)
    assert (fact.data["previousStatus"], fact.data["isNewDevice"]) == (None, True)


# ---- backlog ----

values = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=3),
        "battery_level": st.integers(0, 100),
        "charging": st.booleans(),
        "signal_strength": st.integers(-120, 100),
        "device_status": st.text(max_size=3),
        "sim_slots": st.just((SimSlot(0, phone_number="+1", iccid=CARD),)),
        "brand_info": st.just({"brand": "google"}),
        "firmware": st.text(max_size=3),
        "interval_seconds": st.integers(1, 9999),
        "counter": st.integers(0, 2**31),
        "phone_number": st.text(max_size=3),
    },
)
ALWAYS_NEWS = {"last_seen_at", "seq", "beat_seq", "set_aside", "status", "status_reason", "status_since"}


@given(
    told=values, age=st.integers(1, 10**9), status=st.sampled_from(["online", "late", "offline", "unknown"])
)
def test_a_beat_from_before_the_newest_one_never_moves_the_rest_of_the_state(
    told: dict[str, Any], age: int, status: Status
) -> None:
    known = device(sent_at=NOW, counter=50, battery_level=80, name="Roof", status=status)
    step = beat(known, sent_at=NOW - age, **told)
    assert step.is_backlog
    kept = {name for name in Device.__struct_fields__ if getattr(step.device, name) == getattr(known, name)}
    assert kept | ALWAYS_NEWS == set(Device.__struct_fields__)
    assert "device-reboot" not in names(step)


@given(
    ages=st.lists(st.integers(1, 86_400_000), min_size=1, max_size=20),
    gaps=st.lists(st.integers(0, 40), min_size=20, max_size=20),
)
def test_a_burst_of_old_beats_is_a_backlog_whatever_their_order(ages: list[int], gaps: list[int]) -> None:
    known, at = device(sent_at=NOW, battery_level=80), NOW
    for age, gap in zip(ages, gaps, strict=False):  # fewer than a second in all
        at += gap
        step = beat(known, at, sent_at=NOW - age, battery_level=1)
        assert step.is_backlog
        known = step.device
    assert known.battery_level == 80
    assert known.sent_at == NOW


def test_a_backlog_between_live_beats_stays_a_backlog() -> None:
    known, at = device(sent_at=NOW - 30_000, battery_level=80), NOW
    for n in range(20):  # an hour old, at the pace of live beats, beside live ones
        live = beat(known, at, sent_at=at, battery_level=70)
        old = beat(live.device, at + 500, sent_at=NOW - 3_600_000 + n * 30_000, battery_level=1)
        assert (live.is_backlog, old.is_backlog) == (False, True)
        known, at = old.device, at + 30_000
    assert known.battery_level == 70


def test_a_repeat_of_the_newest_beat_is_no_backlog() -> None:
    assert not beat(device(sent_at=NOW), sent_at=NOW).is_backlog


def test_the_values_of_a_backlog_are_of_the_devices_own_time() -> None:
    known = device(sent_at=NOW)
    old = Heartbeat("gw-1", sent_at=NOW - 600_000)
    assert transitions.time_of_values(transitions.beat(known, old, NOW, 1), old, NOW) == NOW - 600_000
    live = Heartbeat("gw-1", sent_at=NOW + 5_000)
    assert transitions.time_of_values(transitions.beat(known, live, NOW, 1), live, NOW) == NOW


def test_the_values_of_a_backlog_are_never_of_the_future() -> None:
    known = device(sent_at=NOW + 86_400_000)  # its clock runs a day ahead
    old = Heartbeat("gw-1", sent_at=NOW + 3_600_000)
    step = transitions.beat(known, old, NOW, 1)
    assert step.is_backlog
    assert transitions.time_of_values(step, old, NOW) == NOW


# ---- a device's clock ----


def test_a_device_whose_clock_was_set_back_is_believed_again_when_its_clock_keeps_pace() -> None:
    known = device(sent_at=NOW, battery_level=80)
    first = beat(known, NOW + 30_000, sent_at=NOW - 3_570_000, battery_level=70)
    assert first.is_backlog
    second = beat(first.device, NOW + 60_000, sent_at=NOW - 3_540_000, battery_level=60)
    assert not second.is_backlog
    assert (second.device.battery_level, second.device.set_aside) == (60, None)
    third = beat(second.device, NOW + 90_000, sent_at=NOW - 3_510_000, battery_level=50)
    assert third.device.battery_level == 50


@given(
    set_back=st.integers(60_000, 10**12),
    interval=st.integers(1_000, 3_600_000),
    drift=st.floats(-0.1, 0.1),
)
def test_any_device_whose_clock_was_set_back_recovers_at_its_second_beat(
    set_back: int, interval: int, drift: float
) -> None:
    known, at, there = device(sent_at=NOW), NOW, NOW - set_back
    for n in range(2):
        at += interval
        there += interval + round(drift * min(interval, 40_000))
        step = beat(known, at, sent_at=there, battery_level=n)
        known = step.device
    assert (known.battery_level, known.sent_at) == (1, there)


def test_a_device_that_once_told_a_time_far_ahead_recovers() -> None:
    known = beat(device(sent_at=NOW - 30_000), sent_at=NOW + 10**11).device
    for n in range(1, 3):
        known = beat(known, NOW + n * 30_000, sent_at=NOW + n * 30_000, battery_level=n).device
    assert known.battery_level == 2


def test_a_live_beat_forgets_what_was_set_aside() -> None:
    known = device(sent_at=NOW - 30_000, set_aside=SetAside(NOW - 3_600_000, NOW - 1_000))
    assert beat(known, sent_at=NOW).device.set_aside is None


# ---- reboots ----


@pytest.mark.parametrize(
    ("known", "counter"), [(5000, 1), (2, 1), (5000, 4994), (5000, 0), (7, 1), (4_000_000_000, 3)]
)
def test_a_counter_that_falls_is_a_reboot(known: int, counter: int) -> None:
    step = beat(device(counter=known), counter=counter)
    (fact,) = step.facts
    assert fact.name == "device-reboot"
    assert fact.data == {
        "deviceId": "gw-1",
        "previousCounter": known,
        "counter": counter,
        "at": to_iso(NOW),
    }
    assert step.device.counter == counter


@pytest.mark.parametrize(("known", "counter"), [(5000, 4999), (5000, 4995), (6, 2)])
def test_a_counter_that_is_a_little_behind_is_a_late_datagram(known: int, counter: int) -> None:
    step = beat(device(counter=known, battery_level=80), counter=counter, battery_level=1)
    assert step.facts == ()
    assert step.is_backlog
    assert (step.device.counter, step.device.battery_level) == (known, 80)


@pytest.mark.parametrize(
    ("known", "counter"), [(5000, 5000), (5000, 5001), (5000, 9000), (None, 1), (9, None)]
)
def test_a_counter_that_does_not_fall_is_no_reboot(known: int | None, counter: int | None) -> None:
    step = beat(device(counter=known), counter=counter)
    assert step.facts == ()
    assert not step.is_backlog


def test_a_reboot_is_told_even_where_the_device_comes_back_with_it() -> None:
    step = beat(device(status="offline", counter=900), counter=1)
    assert names(step) == ["device-status-change", "device-reboot"]


def test_a_reboot_is_told_once() -> None:
    first = beat(device(counter=900), counter=1)
    second = beat(first.device, NOW + 30_000, counter=2)
    assert (names(first), names(second)) == (["device-reboot"], [])


# ---- slots ----


def test_a_number_that_is_not_told_is_kept_for_the_same_card() -> None:
    known = device(
        slots=(SimSlot(0, phone_number="+491", iccid=CARD), SimSlot(1, phone_number="+492", imsi="262"))
    )
    told = (SimSlot(0, iccid=CARD), SimSlot(1, imsi="262"))
    numbers = [slot.phone_number for slot in beat(known, sim_slots=told).device.slots]
    assert numbers == ["+491", "+492"]


def test_a_number_goes_with_the_card_that_had_it() -> None:
    known = device(slots=(SimSlot(0, phone_number="+491", iccid=CARD),))
    assert beat(known, sim_slots=(SimSlot(0, iccid="8900"),)).device.slots == (SimSlot(0, iccid="8900"),)


def test_a_number_is_not_kept_for_the_same_card_in_another_slot() -> None:
    known = device(slots=(SimSlot(0, phone_number="+491", iccid=CARD),))
    moved = beat(known, sim_slots=(SimSlot(0), SimSlot(1, iccid=CARD))).device
    assert [slot.phone_number for slot in moved.slots] == [None, None]


def test_a_number_that_is_told_wins() -> None:
    known = device(slots=(SimSlot(0, phone_number="+491", iccid=CARD),))
    told = (SimSlot(0, phone_number="+499", iccid=CARD),)
    assert beat(known, sim_slots=told).device.slots == told


def test_a_beat_without_slots_leaves_them_and_an_empty_list_empties_them() -> None:
    known = device(slots=(SimSlot(0), SimSlot(1)))
    assert beat(known, battery_level=1).device.slots == known.slots
    assert beat(known, sim_slots=()).device.slots == ()


def test_a_beat_that_tells_some_slots_leaves_the_others() -> None:
    known = device(slots=(SimSlot(0, iccid=CARD, phone_number="+491"), SimSlot(1, status="searching")))
    after = beat(known, sim_slots=(SimSlot(2), SimSlot(1, status="registered")), is_partial=True).device
    assert after.slots == (known.slots[0], SimSlot(1, status="registered"), SimSlot(2))
    assert beat(after, sim_slots=(), is_partial=True).device.slots == after.slots


def test_a_slot_that_is_told_alone_is_told_whole() -> None:
    known = device(slots=(SimSlot(0, iccid=CARD, phone_number="+491", signal_strength=20), SimSlot(1)))
    same_card = beat(known, sim_slots=(SimSlot(0, iccid=CARD),), is_partial=True).device
    assert same_card.slots == (SimSlot(0, iccid=CARD, phone_number="+491"), SimSlot(1))
    assert beat(known, sim_slots=(SimSlot(0),), is_partial=True).device.slots == (SimSlot(0), SimSlot(1))


# ---- rhythm ----


def test_live_beats_teach_the_rhythm_and_old_ones_do_not() -> None:
    known = device(sent_at=NOW - 30_000, rhythm=Rhythm(30.0, 0.0, 9))
    assert beat(known, sent_at=NOW).device.rhythm == Rhythm(30.0, 0.0, 10)
    assert beat(known, sent_at=NOW - 60_000).device.rhythm == known.rhythm


def test_an_outage_teaches_nothing() -> None:
    known = device(rhythm=Rhythm(30.0, 1.0, 9), status="offline")
    gap_ms = round(offline_seconds(known) * 1000) + 1
    after = beat(known, NOW - 30_000 + gap_ms).device
    assert after.rhythm == known.rhythm
    assert after.status == "online"


def test_a_first_beat_has_no_gap_to_learn_from() -> None:
    assert beat(device(last_seen_at=None, status="unknown")).device.rhythm == Rhythm()
