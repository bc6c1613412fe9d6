"""Ejoin and Skyline gateways: the pushes of their "GoIP HTTP API", and of their "SMS to HTTP" setting.

Fields as in the vendor's HTTP API, 2.0 to 2.4, and as boxes were seen to send them. Nothing in a push proves who
sends it, so the key stands in the path; a query would be mixed with what the box appends. Any 200 will do.
"""

from goip.gateways import HttpMake
from goip.gateways.ejoin.decode import decode

A_DAY_SECONDS = 86_400
"""A box that only forwards messages is silent while nobody writes; its reports of state say when they expire."""

MAKE = HttpMake("ejoin", "Ejoin / Skyline gateways", A_DAY_SECONDS, decode)
