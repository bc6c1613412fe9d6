"""Why a line did not send, in words. The numbers are those of `+CMS ERROR`: 3GPP TS 27.005, 24.011 and 23.040."""

from __future__ import annotations

import re

from goip.fields import without_controls

_NUMBERED = re.compile(r"errorstatus:\s*([0-9]{1,5})")
_LONGEST = 200

_LINE_SAYS = {
    "PASSWORD": "the line did not take its password",
    "SENDID": "the line does not know this session any more",
    "GSM_LOGOUT": "the SIM is not registered in the network",
}
_NETWORK_SAYS = {
    1: "the number is not assigned to anybody",
    8: "the operator has barred the SIM",
    10: "the operator has barred messages to this number",
    17: "the network failed",
    21: "the message was rejected",
    22: "the network is congested",
    27: "the receiver is out of service",
    28: "the network does not know the SIM",
    29: "the network refuses this service",
    30: "the network does not know the receiver",
    38: "the network is out of order",
    41: "the network failed for the moment",
    42: "the network is congested",
    47: "the network has no resources left",
    50: "the SIM has no subscription for sending",
    69: "the network does not offer sending",
    81: "the network lost track of the message",
    95: "the message was not valid",
    96: "the message missed something that must be there",
    97: "the network does not know this kind of message",
    98: "the message came out of turn",
    99: "the message held something unknown",
    111: "a protocol error of the network",
    127: "the network gave no reason",
    300: "the module failed",
    302: "the module does not allow this now",
    303: "the module cannot do this",
    304: "the module found the message malformed",
    305: "the module found a parameter malformed",
    310: "there is no SIM",
    311: "the SIM wants its PIN",
    313: "the SIM failed",
    314: "the SIM is busy",
    315: "the SIM is the wrong one",
    316: "the SIM wants its PUK",
    320: "the memory failed",
    322: "the memory for messages is full",
    330: "the message centre is not known",
    331: "there is no network",
    332: "the network did not answer in time",
    500: "unknown: often a weak signal, or no credit",
    512: "the module gave up",
    513: "the radio link was lost",
    514: "the message centre gave up",
}


def cause_of(told: str) -> tuple[str, int | None]:
    """What the text of an ERROR means, and the code in it, None where it holds none."""
    numbered = _NUMBERED.search(told)
    if numbered is None:
        words = without_controls(told)[:_LONGEST]
        return _LINE_SAYS.get(words, words) or "the line gave no reason", None
    code = int(numbered[1])
    return _NETWORK_SAYS.get(code, "an error without a name"), code
