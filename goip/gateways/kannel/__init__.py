"""Kannel, the SMS gateway: a `sms-service` that fetches or posts to us, and delivery reports by `dlr-url`.

By Kannel's user guide and sources. The names of the parameters are those that `docs/gateways.md` has people type.
Whatever text it is answered, it sends back to the phone: so it is answered none. It takes 200 for an answer, and
repeats the rest where `http-request-retry` says so.
"""

from goip.gateways import HttpMake, Push, Reply
from goip.gateways.kannel.decode import decode

A_DAY_SECONDS = 86_400


def _reply(_push: Push) -> Reply:
    return Reply(b"")


MAKE = HttpMake("kannel", "Kannel", A_DAY_SECONDS, decode, _reply)
