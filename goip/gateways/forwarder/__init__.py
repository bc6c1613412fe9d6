"""Whatever posts messages under names that its user chose: forwarder apps on phones, and OpenVox gateways.

Of apps: bogkonstantin's "Incoming SMS to URL forwarder" and pppscn's SmsForwarder, by their sources. OpenVox'
"SMS to HTTP" has its user type every parameter's name, so it cannot be read but by what names usually mean.
"""

from goip.gateways import HttpMake
from goip.gateways.forwarder.decode import decode

A_DAY_SECONDS = 86_400

MAKE = HttpMake("forwarder", "SMS forwarder app, or anything that posts JSON", A_DAY_SECONDS, decode)
OPENVOX = HttpMake("openvox", "OpenVox (SMS to HTTP)", A_DAY_SECONDS, decode)
