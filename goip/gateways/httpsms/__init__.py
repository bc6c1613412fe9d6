"""httpSMS: its phone app pointed straight at us, and the webhooks of its server. By the sources of both.

The app appends paths of its own to the address that its user enters, and drops a message that is answered with any
4xx. What says no name of the phone is known by the phone's number: a phone with two cards and the enrolment key is
two devices, with a device's own key one device with two slots.
"""

from goip.gateways import HttpMake
from goip.gateways.httpsms.calls import is_final
from goip.gateways.httpsms.decode import decode, is_hearsay
from goip.gateways.httpsms.phone import INTERVAL_SECONDS
from goip.gateways.httpsms.reply import reply

MAKE = HttpMake(
    "httpsms",
    "httpSMS",
    INTERVAL_SECONDS,
    decode,
    reply,
    has_own_paths=True,
    is_final=is_final,
    is_hearsay=is_hearsay,
)
