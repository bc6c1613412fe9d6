"""The lives of devices: the same for the same seed, and like those of real ones."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from goip.simulator.battery import Battery
from goip.simulator.identities import is_luhn_valid
from goip.simulator.life import HEARTBEAT_PATH, SMS_PATH, Absence, Fate, Life, Post

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEAT = 30.0


def make_fate(**changes: Any) -> Fate:
    return Fate(
        **{"seed": 7, "started_at": START, "interval_seconds": BEAT, "sms_per_second": 0.05} | changes
    )


def live_long(life: Life, beats: int, seconds: float = BEAT) -> Iterator[Post]:
    for beat in range(beats):
        yield from life.live(beat * seconds, seconds)


def beats_of(posts: list[Post]) -> list[dict[str, Any]]:
    return [post.body for post in posts if post.path == HEARTBEAT_PATH and isinstance(post.body, dict)]


def messages_of(posts: list[Post]) -> list[dict[str, Any]]:
    return [post.body for post in posts if post.path == SMS_PATH and isinstance(post.body, dict)]


def slots_of(beat: dict[str, Any]) -> list[dict[str, Any]]:
    slots = beat["simSlots"]
    return json.loads(slots) if isinstance(slots, str) else slots


def test_the_same_seed_gives_the_same_lives_to_the_byte() -> None:
    first, second = (
        [list(live_long(Life(make_fate(), index), 200)) for index in range(20)] for _ in range(2)
    )
    assert first == second


def test_another_seed_or_another_place_gives_another_life() -> None:
    lives = [Life(make_fate(), 0), Life(make_fate(), 1), Life(make_fate(seed=8), 0)]
    bodies = [json.dumps(beats_of(list(live_long(life, 3)))) for life in lives]
    assert len(set(bodies)) == 3


@pytest.mark.parametrize("make", ["goip", "ejoin", "phone"])
def test_every_make_keeps_to_the_contract(make: str) -> None:
    posts = [post for index in range(30) for post in live_long(Life(make_fate(make=make), index), 40)]
    for beat in beats_of(posts):
        assert beat["deviceId"]
        assert 1 <= len(slots_of(beat)) <= 32
        assert 0 <= beat.get("batteryLevel", 0) <= 100
        assert ("batteryLevel" in beat) == (make == "phone")
    for message in messages_of(posts):
        assert message["sender"]
        assert message["message"]
        assert ("messageId" in message) == (make != "goip")


def test_a_phone_sends_its_slots_as_a_json_string_and_a_box_as_a_list() -> None:
    assert isinstance(Life(make_fate(make="phone"), 0).make_heartbeat(0)["simSlots"], str)
    assert isinstance(Life(make_fate(make="goip"), 0).make_heartbeat(0)["simSlots"], list)


def test_slots_have_valid_ids_and_words_for_their_signal() -> None:
    words = {"Excellent", "Good", "Fair", "Poor", "Very Poor", "No Signal"}
    for index in range(50):
        for slot in slots_of(Life(make_fate(), index).make_heartbeat(0)):
            assert is_luhn_valid(slot["imei"])
            assert is_luhn_valid(slot["iccid"])
            assert len(slot["imsi"]) == 15
            assert slot["signalStatus"] in words


def test_the_number_of_ports_may_be_chosen() -> None:
    fate = make_fate(ports=32)
    assert {len(slots_of(Life(fate, index).make_heartbeat(0))) for index in range(20)} == {32}


def test_a_mixed_fleet_has_every_make() -> None:
    assert {Life(make_fate(), index).make.name for index in range(100)} == {"goip", "ejoin", "phone"}


def test_the_counter_goes_up_by_one_and_falls_to_one_after_a_reboot() -> None:
    life = Life(make_fate(make="goip", pace=60), 3)
    counters = [beat["counter"] for beat in beats_of(list(live_long(life, 3000)))]
    steps = {(after - before) for before, after in itertools.pairwise(counters) if after != 1}
    assert 1 in counters[1:]
    assert min(steps) == 1


def test_a_battery_drains_and_is_charged_again() -> None:
    life = Life(make_fate(make="phone", pace=20), 1)
    levels = [beat["batteryLevel"] for beat in beats_of(list(live_long(life, 3000)))]
    assert max(levels) - min(levels) > 40
    assert any(after < before for before, after in itertools.pairwise(levels))
    assert any(after > before for before, after in itertools.pairwise(levels))


def test_a_battery_never_leaves_its_bounds() -> None:
    life = Life(make_fate(), 5)
    random = life.random
    battery = Battery(random)
    for _ in range(5000):
        battery.pass_time(120, random)
        assert 0 <= battery.level <= 100


def test_a_signal_wanders_within_its_scale() -> None:
    life = Life(make_fate(make="goip", ports=1), 2)
    signals = [beat["signalStrength"] for beat in beats_of(list(live_long(life, 2000)))]
    assert {0 <= signal <= 31 for signal in signals} == {True}
    assert len(set(signals)) > 5
    steps = [abs(after - before) for before, after in itertools.pairwise(signals)]
    assert sorted(steps)[len(steps) * 9 // 10] <= 2


def test_after_an_outage_the_kept_heartbeats_and_messages_come_first_with_their_old_times() -> None:
    life = Life(make_fate(make="goip", sms_per_second=0.1), 0)
    before = life.make_heartbeat(0)["counter"]
    life.absence = Absence(until=300, keeps=True)
    assert [life.live(at, BEAT) for at in range(0, 300, 30)] == [[]] * 10
    posts = life.live(300, BEAT)
    backlog = posts[0].body
    assert isinstance(backlog, list)
    assert [beat["counter"] for beat in backlog] == list(range(before + 1, before + 11))
    assert backlog[0]["sentAt"] == "2026-03-01T12:00:00.000Z"
    kept = [body for body in messages_of(posts) if body["timestamp"] < "2026-03-01T12:05"]
    assert kept
    assert beats_of(posts)[0]["sentAt"] == "2026-03-01T12:05:00.000Z"


def test_a_backlog_is_bounded() -> None:
    life = Life(make_fate(), 0)
    life.absence = Absence(until=1e6, keeps=True)
    for beat in range(500):
        life.live(beat * BEAT, BEAT)
    assert len(life.live(1e6, BEAT)[0].body) == 50


def test_after_a_loss_of_power_nothing_was_kept_and_the_counter_is_one() -> None:
    life = Life(make_fate(sms_per_second=0.1), 0)
    life.absence = Absence(until=300, keeps=False)
    assert [life.live(at, BEAT) for at in range(0, 300, 30)] == [[]] * 10
    posts = life.live(300, BEAT)
    assert [beat["counter"] for beat in beats_of(posts)] == [1]
    assert not any(isinstance(post.body, list) for post in posts)


def test_devices_drop_out_now_and_then_and_come_back() -> None:
    silent = total = 0
    for index in range(50):
        life = Life(make_fate(), index)
        for beat in range(480):
            total += 1
            silent += not life.live(beat * BEAT, BEAT)
        assert life.live(1e9, BEAT)
    assert 0.01 < silent / total < 0.2


def test_repeats_are_the_same_message_again() -> None:
    posts = [post for index in range(40) for post in live_long(Life(make_fate(), index), 100)]
    originals = [post.body for post in posts if not post.is_repeat]
    repeats = [post for post in posts if post.is_repeat]
    assert repeats
    assert all(post.body in originals for post in repeats)


def test_messages_are_codes_and_chats_in_several_scripts_from_letters_and_numbers() -> None:
    fate = make_fate(sms_per_second=1.0)
    messages = [body for index in range(20) for body in messages_of(list(live_long(Life(fate, index), 20)))]
    texts = "".join(body["message"] for body in messages)
    assert any(body["sender"].isalpha() for body in messages)
    assert any(body["sender"].startswith("+") for body in messages)
    for script in ("а", "码", "ا", "食べ", "요", "ה", "म", "🎂"):
        assert script in texts


def test_there_are_bursts() -> None:
    posts = list(live_long(Life(make_fate(sms_per_second=0.02), 4), 2000))
    counts: dict[int, int] = {}
    for body in messages_of(posts):
        second = (
            int(datetime.fromisoformat(body["timestamp"]).timestamp())
            if isinstance(body["timestamp"], str)
            else body["timestamp"] // 1000
        )
        counts[second // 5] = counts.get(second // 5, 0) + 1
    assert max(counts.values()) >= 4


def test_times_are_iso_for_a_box_and_epoch_milliseconds_for_a_phone() -> None:
    at = 90.5
    moment = START + timedelta(seconds=at)
    assert Life(make_fate(make="goip"), 0).make_heartbeat(at)["sentAt"] == "2026-03-01T12:01:30.500Z"
    assert Life(make_fate(make="phone"), 0).make_heartbeat(at)["sentAt"] == int(moment.timestamp() * 1000)


def test_posts_come_in_order() -> None:
    for index in range(20):
        for beat in range(100):
            moments = [post.at for post in Life(make_fate(sms_per_second=0.5), index).live(beat * BEAT, BEAT)]
            assert moments == sorted(moments)
