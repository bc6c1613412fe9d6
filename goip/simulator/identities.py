"""Numbers that look right and belong to nobody: IMEI, IMSI, ICCID, MAC and phone numbers.

Everything comes from ranges that are set aside: test equipment (IMEI reporting body 00), the test network
(MCC 001), an unassigned country in the ICCID, and the phone numbers that regulators keep for film and print.
`unit` tells one module or card from every other of a fleet (see `unit_of`), so that the first three never
repeat. Phone numbers do repeat in a large fleet: the fictitious ranges are small.
"""

from __future__ import annotations

from random import Random

MAX_SLOTS = 100
_UNITS = 10**8  # a million devices of a hundred slots

_US_AREA_CODES = ("202", "206", "212", "303", "312", "404", "415", "512", "617", "702", "808", "917")


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` valid by Luhn's rule."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def is_luhn_valid(digits: str) -> bool:
    """Whether the last digit of `digits` is the check digit of the others."""
    return digits.isdigit() and luhn_digit(digits[:-1]) == digits[-1]


def unit_of(device_index: int, slot_index: int) -> int:
    """The number of one slot within its fleet."""
    return (device_index * MAX_SLOTS + slot_index) % _UNITS


def make_imei(seed: int, unit: int) -> str:
    """15 digits: a test TAC, a serial, the check digit."""
    body = f"001{seed % 1000:03d}{unit:08d}"
    return body + luhn_digit(body)


def make_imsi(seed: int, unit: int, network: int) -> str:
    """15 digits: MCC 001, the network's two digits, the subscriber."""
    return f"001{network:02d}{seed % 100:02d}{unit:08d}"


def make_iccid(seed: int, unit: int, network: int) -> str:
    """19 digits: 89, the unassigned country 999, the network, a serial, the check digit."""
    body = f"89999{network:02d}{seed % 1000:03d}{unit:08d}"
    return body + luhn_digit(body)


def make_mac(seed: int, device_index: int) -> str:
    """A locally administered MAC address, as `02-xx-xx-xx-xx-xx`."""
    digits = f"02{seed % 256:02x}{device_index % 2**32:08x}"
    return "-".join(digits[at : at + 2] for at in range(0, 12, 2))


def make_phone_number(random: Random) -> str:
    """An E.164 number from one of the ranges kept for fiction (United States, United Kingdom, France)."""
    kind = random.randrange(3)
    if kind == 0:
        return f"+1{random.choice(_US_AREA_CODES)}55501{random.randrange(100):02d}"
    if kind == 1:
        return f"+447700900{random.randrange(1000):03d}"
    return f"+336399{80_000 + random.randrange(10_000):05d}"
