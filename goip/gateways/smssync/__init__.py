"""SMSsync (Ushahidi), an app that turns a phone into an SMS gateway: its "Sync URL".

By the app's sources. It posts a form, or JSON where its user chose that, and keeps a message until it is told
`success: true` in just this shape. What it asks for with `?task=` has no answer but that there is nothing.
"""

from goip.gateways import HttpMake, Push, Reply
from goip.gateways.smssync.decode import TASK, decode

A_DAY_SECONDS = 86_400

_TAKEN = b'{"payload":{"success":true,"error":null}}'
_NOTHING_TO_SEND = b'{"payload":{"task":"send","secret":"","messages":[]}}'
_NO_RESULT_WANTED = b'{"message_uuids":[]}'


def _reply(push: Push) -> Reply:
    task = push.query.get(TASK)
    if task is None:
        return Reply(_TAKEN, "application/json")
    return Reply(_NOTHING_TO_SEND if task == "send" else _NO_RESULT_WANTED, "application/json")


MAKE = HttpMake("smssync", "SMSsync app", A_DAY_SECONDS, decode, _reply)
