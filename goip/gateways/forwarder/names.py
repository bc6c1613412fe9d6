"""What the fields of forwarders are called; of several that are there, the first one named here counts."""

from __future__ import annotations

import re
from collections.abc import Mapping

Scalar = str | int | float | bool
Record = Mapping[str, Scalar]

SENDER = (
    "from",
    "sender",
    "phonenumber",
    "number",
    "num",
    "src",
    "srcnum",
    "source",
    "originator",
    "address",
    "msisdn",
    "phone",
    "contact",
)
TEXT = (
    "orgcontent",
    "text",
    "message",
    "msg",
    "content",
    "body",
    "smscontent",
    "messagebody",
    "messagetext",
    "sms",
)
TIME = (
    "sentstamp",
    "senttimestamp",
    "sentat",
    "timestamp",
    "time",
    "datetime",
    "date",
    "receivedstamp",
    "receivedat",
    "receivedatinmillis",
    "receivetime",
    "recvtime",
)
RECIPIENT = ("recipient", "to", "receiver", "sentto", "destination", "dest", "owner", "ownnumber")
MESSAGE_ID = ("messageid", "msgid", "smsid")
DEVICE = ("deviceid", "device", "devicename", "devicemark", "gateway", "gatewayid", "phoneid")
CARD = ("imsi", "simimsi")
PHONE_SIM = ("sim", "cardslot", "simslot", "simnumber", "simcard")
"""Phones count their SIMs from 1 where they show them to people."""
SLOT = ("slotindex", "simslotindex", "slot", "portname", "port", "gsmport", "line")
"""Numbers that are kept as they are told."""
BATTERY = ("battery", "batterylevel", "batterypercentage")
POWER = ("power", "charging", "ischarging")

_PUNCTUATION = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """The name without case and punctuation: `card_slot`, `cardSlot` and `Card-Slot` are one."""
    return _PUNCTUATION.sub("", name.lower())


def first(record: Record, names: tuple[str, ...]) -> Scalar | None:
    """The value of the first of these fields that says something, else of one that is blank, else None."""
    told = [record[name] for name in names if name in record]
    return next((value for value in told if str(value).strip()), told[0] if told else None)
