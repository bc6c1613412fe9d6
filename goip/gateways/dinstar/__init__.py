"""Dinstar boxes: UC2000 and DWG with the "new version" of their HTTP API, and older DWG over TCP.

The newer ones push JSON, one kind of news a request, and look at the status of the answer only (`decode`). They
push no heartbeat, so a box is held to a day; its ports are numbered from 0. `asking` is what can be said to them over
an API of their own, `client` says it.
The older ones hold a TCP connection to us and speak frames on it (`binary`, `listener`).
"""

from goip.gateways import HttpMake
from goip.gateways.dinstar.decode import decode

A_DAY_SECONDS = 86_400

MAKE = HttpMake("dinstar", "Dinstar UC2000, DWG", A_DAY_SECONDS, decode)
"""The newer boxes: theirs is an HTTP push."""
