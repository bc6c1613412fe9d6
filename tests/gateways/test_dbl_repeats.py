"""What a listener to GoIP boxes remembers, within bounds, and whom it turns away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from goip.gateways.dbl import repeats
from goip.gateways.dbl.lines import Lines, host_of
from goip.gateways.dbl.repeats import Repeats
from goip.gateways.dbl.strangers import Strangers


class Monotonic:
    """Seconds, standing still until moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


def test_an_event_is_new_once_in_ten_minutes(monotonic: Monotonic) -> None:
    seen = Repeats(monotonic)
    first, is_new = seen.see("a", "STATE:5")
    assert (is_new, first.is_done) == (True, False)
    first.is_done = True
    monotonic.now += 599
    assert seen.see("a", "STATE:5") == (first, False)
    assert seen.see("a", "RECORD:5")[1]
    assert seen.see("b", "STATE:5")[1]
    monotonic.now += 1
    assert seen.see("a", "STATE:5")[1]


def test_a_line_that_starts_anew_is_forgotten_and_no_other(monotonic: Monotonic) -> None:
    seen = Repeats(monotonic)
    seen.see("a", "STATE:5")
    seen.see("b", "STATE:5")
    seen.forget("a")
    seen.forget("nobody")
    assert (seen.see("a", "STATE:5")[1], seen.see("b", "STATE:5")[1]) == (True, False)
    assert len(seen) == 2


def test_what_could_not_be_recorded_is_new_again(monotonic: Monotonic) -> None:
    seen = Repeats(monotonic)
    first, _ = seen.see("a", "STATE:5")
    seen.undo("a", "STATE:5", first)
    assert len(seen) == 0
    second, is_new = seen.see("a", "STATE:5")
    seen.undo("a", "STATE:5", first)  # of before a restart: it is another event of that name
    assert is_new
    assert seen.see("a", "STATE:5") == (second, False)


def test_a_busy_line_forgets_its_oldest(monotonic: Monotonic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST_OF_ONE_LINE", 3)
    seen = Repeats(monotonic)
    for number in range(5):
        seen.see("a", f"STATE:{number}")
    assert len(seen) == 3
    assert [seen.see("a", f"STATE:{number}")[1] for number in (4, 3, 2, 1)] == [False, False, False, True]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 30), st.booleans()), max_size=200))
def test_memory_is_bounded_and_counted(steps: list[tuple[str, int, bool]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeats, "MOST", 10)
        patch.setattr(repeats, "MOST_OF_ONE_LINE", 6)
        seen = Repeats(Monotonic())
        for line_id, number, forgets in steps:
            event, is_new = seen.see(line_id, str(number))
            if forgets and is_new:
                seen.undo(line_id, str(number), event)
            assert len(seen) == sum(map(len, seen._lines.values())) <= 10


def test_without_an_allow_list_nobody_is_turned_away() -> None:
    assert not Strangers(()).turns_away("192.0.2.1")
    assert not Strangers(()).turns_away("no address")


@pytest.mark.parametrize(
    ("host", "is_turned_away"),
    [
        ("192.0.2.7", False),
        ("192.0.3.7", True),
        ("198.51.100.1", False),
        ("2001:db8::5", False),
        ("2001:db9::5", True),
        ("fe80::1%eth0", True),
        ("no address", True),
    ],
)
def test_only_listed_networks_are_let_in(host: str, is_turned_away: bool) -> None:
    strangers = Strangers(("192.0.2.1/24", "198.51.100.1", "2001:db8::/32"))
    assert strangers.turns_away(host) is is_turned_away


def test_strangers_are_counted_in_one_line_a_minute(monotonic: Monotonic) -> None:
    strangers = Strangers(("192.0.2.0/24",), monotonic)
    with capture_logs() as logs:
        for seconds in (0, 1, 58.9, 0.1, 0, 70):
            monotonic.now += seconds
            assert strangers.turns_away("203.0.113.9")
            assert not strangers.turns_away("192.0.2.9")
    assert [(line["event"], line["packets"], line["newest"]) for line in logs] == [
        ("dbl.strangers", 1, "203.0.113.9"),
        ("dbl.strangers", 3, "203.0.113.9"),
        ("dbl.strangers", 2, "203.0.113.9"),
    ]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
        (("2001:db8::1", 5, 0, 0), "2001:db8::1"),
    ],
)
def test_a_box_is_known_by_its_address_without_the_port(address: tuple[str, int], host: str) -> None:
    assert host_of(address) == host


def test_a_password_is_not_shown_where_lines_are_printed() -> None:
    lines = Lines()
    lines.hear("a", ("192.0.2.1", 5), "secret")
    lines.hear("a", ("192.0.2.1", 6), "secret")
    line = lines.find("a")
    assert line is not None
    assert (line.address, line.password, "secret" in repr(line)) == (("192.0.2.1", 6), "secret", False)
    assert lines.find("b") is None
