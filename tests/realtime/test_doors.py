"""Counting live connections by address and by whom they belong to."""

from __future__ import annotations

import pytest

from goip.auth.principals import Principal
from goip.errors import TooManyRequests
from goip.realtime.doors import Doors, home_of

ANNA = Principal(kind="user", user_id=1)
ANNA_AGAIN = Principal(kind="user", user_id=1, session_id="another login")
BOX = Principal(kind="device", device_id="1")
SCRIPT = Principal(kind="script", key_id=1, user_id=1)
NOBODY = Principal(kind="nobody")


class Knocks(list[str]):
    """Who came; full after the first five."""

    def spend(self, name: str) -> None:
        self.check(name)
        self.append(name)

    def check(self, name: str) -> None:
        if len(self) == 5:
            raise TooManyRequests("too fast")


def test_an_address_gets_so_many_places_and_one_that_is_left_is_free_again() -> None:
    doors = Doors(2, 0, Knocks())
    first, _second = doors.enter("192.0.2.1"), doors.enter("192.0.2.1")
    with pytest.raises(TooManyRequests) as refusal:
        doors.enter("192.0.2.1")
    assert (refusal.value.code, refusal.value.retry_after_seconds) == ("too_many_connections", 10)
    doors.enter("192.0.2.2")
    first.leave()
    first.leave()  # counted once
    doors.enter("192.0.2.1")
    with pytest.raises(TooManyRequests):
        doors.enter("192.0.2.1")


def test_whoever_has_no_connection_left_is_forgotten() -> None:
    doors = Doors(0, 0, Knocks())
    with doors.enter("192.0.2.1", ANNA), doors.enter("192.0.2.1", BOX):
        assert doors.homes == {"192.0.2.1": 2}
        assert doors.owners == {"user 1": 1, "device 1": 1}
    assert not doors.homes
    assert not doors.owners


def test_a_user_counts_over_all_addresses_and_logins_and_apart_from_devices_and_tokens() -> None:
    doors = Doors(0, 1, Knocks())
    doors.enter("192.0.2.1", ANNA)
    for other in (BOX, SCRIPT, NOBODY, NOBODY):
        doors.enter("192.0.2.1", other)
    with pytest.raises(TooManyRequests, match="user"):
        doors.enter("192.0.2.2", ANNA_AGAIN, is_new=False)
    assert "192.0.2.2" not in doors.homes


def test_a_connection_that_proves_to_be_somebody_else_moves_its_count() -> None:
    doors = Doors(0, 1, Knocks())
    place = doors.enter("192.0.2.1", ANNA)
    place.belong_to(ANNA_AGAIN)
    place.belong_to(BOX)
    assert doors.owners == {"device 1": 1}
    taken = doors.enter("192.0.2.1", ANNA)
    with pytest.raises(TooManyRequests):
        place.belong_to(ANNA)
    assert doors.owners == {"device 1": 1, "user 1": 1}
    for each in (place, taken):
        each.leave()
    place.belong_to(ANNA)  # after the end: nobody is there to count
    assert not doors.owners


def test_a_refused_newcomer_takes_no_place_and_asking_again_is_no_newcomer() -> None:
    doors = Doors(0, 0, Knocks())
    for _ in range(5):
        doors.enter("192.0.2.1")
    with pytest.raises(TooManyRequests, match="too fast"):
        doors.enter("192.0.2.1")
    assert doors.homes["192.0.2.1"] == 5
    doors.enter("192.0.2.1", is_new=False)
    assert doors.homes["192.0.2.1"] == 6


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("no:address", "no:address"),
        ("", ""),
    ],
)
def test_of_ipv6_a_whole_customer_counts_as_one_address(address: str, home: str) -> None:
    assert home_of(address) == home
