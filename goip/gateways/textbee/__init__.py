"""textbee: the webhooks of its server, in the cloud or one's own, and the API that its phone app calls.

By the sources of both. The app's address is compiled in, so to point it here takes a build of one's own. An event
of the server is signed without a time, and comes again for weeks under the same `idempotencyKey`.
"""

from goip.gateways import HttpMake
from goip.gateways.textbee.calls import INTERVAL_SECONDS
from goip.gateways.textbee.decode import decode, is_hearsay
from goip.gateways.textbee.reply import reply

MAKE = HttpMake(
    "textbee", "textbee", INTERVAL_SECONDS, decode, reply, has_own_paths=True, is_hearsay=is_hearsay
)
