"""SMS Gateway for Android (capcom6, sms-gate.app): the webhooks that the app posts from the phone itself.

Envelope, events and signature as in the app's source and its documentation. A webhook that is not answered by 2xx
comes again, under the same `id`, freshly stamped and signed, for about two days.
"""

from goip.gateways import HttpMake
from goip.gateways.capcom6.decode import decode

SILENCE_SECONDS = 900
"""Each phone's user chooses how often it pings: that often, until an operator enters the phone's own interval."""

MAKE = HttpMake("capcom6", "SMS Gateway for Android", SILENCE_SECONDS, decode)
