"""Jasmin, the SMPP gateway: its HTTP pushes of received messages and delivery reports.

Fields as in Jasmin's documentation of its HTTP API: a form or a query, text in `content`, and always in hex in
`binary`. It repeats whatever is not answered by exactly `ACK/Jasmin`.
"""

from goip.gateways import HttpMake, Push, Reply
from goip.gateways.jasmin.decode import decode

A_DAY_SECONDS = 86_400


def _reply(_push: Push) -> Reply:
    return Reply(b"ACK/Jasmin")


MAKE = HttpMake("jasmin", "Jasmin SMS Gateway", A_DAY_SECONDS, decode, _reply)
