"""The kinds of device that a fleet is made of, and how each differs on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from goip.simulator.identities import make_mac

MakeName = Literal["goip", "ejoin", "phone"]

CARRIERS: Final = ("Kestrel Mobile", "BluePeak", "Norrland Tel", "Ostara", "Lumen GSM", "Cedar Wireless")


@dataclass(frozen=True, slots=True)
class Model:
    """One product: what it says of itself, its firmwares, and how many ports it may have."""

    brand: str
    model: str
    ports: tuple[int, ...]
    firmwares: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Make:
    """How the devices of one make speak.

    `first_slot` is the number of the first port; `sends_slots_as_text` puts the slots as a JSON string, as
    the phone client does; where `gives_message_id` is false a repeat can be told by its text and time only.
    """

    name: MakeName
    models: tuple[Model, ...]
    first_slot: int
    has_battery: bool
    sends_slots_as_text: bool
    gives_message_id: bool
    sends_epoch_times: bool


GOIP: Final = Make(
    name="goip",
    models=(
        Model("HYBERTONE", "GoIP-1", (1,), ("GHSFVT-1.1-67-5",)),
        Model("HYBERTONE", "GoIP-4", (4,), ("GHSFVT-1.1-67-5", "GST1610-1.01-68")),
        Model("DBL", "GoIP-8", (8,), ("GST1610-1.01-68", "GST1610-1.01-72")),
        Model("DBL", "GoIP-16", (16,), ("GST1610-1.01-72",)),
        Model("DBL", "GoIP-32", (32,), ("GST1610-1.01-72", "GST1610-1.02-03")),
    ),
    first_slot=1,
    has_battery=False,
    sends_slots_as_text=False,
    gives_message_id=False,
    sends_epoch_times=False,
)

EJOIN: Final = Make(
    name="ejoin",
    models=(
        Model("Ejoin", "ACOM508", (8,), ("508-3.2.1", "508-3.4.0")),
        Model("Ejoin", "ACOM516", (16,), ("516-3.4.0",)),
        Model("Ejoin", "ACOM632", (32,), ("632-4.0.2", "632-4.1.0")),
    ),
    first_slot=1,
    has_battery=False,
    sends_slots_as_text=False,
    gives_message_id=True,
    sends_epoch_times=True,
)

PHONE: Final = Make(
    name="phone",
    models=(
        Model("Fernway", "Fern 6a", (1, 2), ("13", "14", "15")),
        Model("Aurora", "A52", (2,), ("12", "13")),
        Model("Aurora", "S9 mini", (1, 2), ("14", "15", "16")),
        Model("Kolibri", "Note 11", (2,), ("12", "13", "14")),
    ),
    first_slot=0,
    has_battery=True,
    sends_slots_as_text=True,
    gives_message_id=True,
    sends_epoch_times=True,
)

MAKES: Final[dict[str, Make]] = {"goip": GOIP, "ejoin": EJOIN, "phone": PHONE}
MIXED: Final = "mixed"
MAKE_CHOICES: Final = (MIXED, *MAKES)


def choose_make(name: str, random: Random) -> Make:
    """The make called `name`; for `mixed`, one of them: half the fleet is phones, a third GoIP boxes."""
    if name == MIXED:
        return random.choices((PHONE, GOIP, EJOIN), weights=(50, 35, 15))[0]
    return MAKES[name]


def make_device_id(make: Make, seed: int, index: int, random: Random) -> str:
    """The id that the make itself would use: a line's id, a MAC address, a phone's id."""
    if make.name == "goip":
        return f"goip{seed % 1000:03d}-{index:06d}"
    if make.name == "ejoin":
        return make_mac(seed, index)
    return f"{random.getrandbits(64):016x}"


def describe_brand(make: Make, model: Model) -> dict[str, str]:
    """The `deviceBrandInfo` of a device of this model."""
    slug = model.model.lower().replace(" ", "_")
    return {
        "brand": model.brand,
        "model": model.model,
        "product": slug,
        "board": f"{make.name}-{slug}"[:32],
        "device": slug,
        "manufacturer": model.brand,
    }
