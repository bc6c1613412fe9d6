"""Ids that are valid in form, and belong to nobody."""

import re
from random import Random

import pytest

from goip.simulator.identities import (
    is_luhn_valid,
    luhn_digit,
    make_iccid,
    make_imei,
    make_imsi,
    make_mac,
    make_phone_number,
    unit_of,
)

FICTITIOUS = re.compile(r"\+1\d{3}55501\d{2}|\+447700900\d{3}|\+3363998\d{4}")


@pytest.mark.parametrize(("digits", "check"), [("7992739871", "3"), ("49015420323751", "8"), ("0", "0")])
def test_the_check_digit_is_luhns(digits: str, check: str) -> None:
    assert luhn_digit(digits) == check
    assert is_luhn_valid(digits + check)
    assert not is_luhn_valid(digits + str((int(check) + 1) % 10))


def test_an_imei_has_fifteen_digits_of_the_test_range_and_a_valid_check_digit() -> None:
    imei = make_imei(seed=987_654, unit=12_345)
    assert re.fullmatch(r"00\d{13}", imei)
    assert is_luhn_valid(imei)


def test_an_imsi_has_fifteen_digits_of_the_test_network() -> None:
    assert re.fullmatch(r"001\d{12}", make_imsi(seed=7, unit=99_999_999, network=3))


def test_an_iccid_has_nineteen_digits_and_a_valid_check_digit() -> None:
    iccid = make_iccid(seed=7, unit=5, network=3)
    assert re.fullmatch(r"89\d{17}", iccid)
    assert is_luhn_valid(iccid)


def test_no_two_slots_of_a_fleet_share_an_id() -> None:
    units = [unit_of(device, slot) for device in range(200) for slot in range(32)]
    assert len({make_imei(1, unit) for unit in units}) == len(units)
    assert len({make_iccid(1, unit, 0) for unit in units}) == len(units)
    assert len({make_imsi(1, unit, 0) for unit in units}) == len(units)


def test_a_mac_address_is_locally_administered_and_its_own() -> None:
    macs = {make_mac(3, index) for index in range(1000)}
    assert len(macs) == 1000
    assert all(re.fullmatch(r"02(-[0-9a-f]{2}){5}", mac) for mac in macs)


def test_phone_numbers_are_fictitious() -> None:
    random = Random(1)
    assert all(FICTITIOUS.fullmatch(make_phone_number(random)) for _ in range(3000))
