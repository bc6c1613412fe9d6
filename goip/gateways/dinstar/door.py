"""Which boxes are let in at the TCP port: those that show a key, and known ones at addresses that are trusted."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence

from goip.auth.attempts import Attempts
from goip.auth.enrolling import record_or_enrol
from goip.auth.gateways import admit, find_gateway_key
from goip.auth.keys import DEVICE, ENROLLMENT, Keyring
from goip.errors import TooManyRequests, Unauthorized
from goip.gateways.dinstar.binary import INTERVAL_SECONDS, Credentials, Frame, credentials_of
from goip.models import Heartbeat
from goip.store.keys import Key
from goip.store.store import Store
from goip.wirelog.exchange import about

MAKE = "dinstar"
_FREE_TRIES_OF_A_BOX = 10
_FREE_TRIES_OF_AN_ADDRESS = 30
_LONGEST_WAIT_SECONDS = 60


class Door:
    """Judges boxes; `trusted` are the addresses or networks where a known box needs no key."""

    def __init__(
        self, store: Store, keyring: Keyring, trusted: Sequence[str] = (), *, needs_approval: bool = False
    ) -> None:
        self.store = store
        self._keyring = keyring
        self._trusted = tuple(ipaddress.ip_network(network, strict=False) for network in trusted)
        self._needs_approval = needs_approval
        self._by_box = _attempts(store, _FREE_TRIES_OF_A_BOX)
        self._by_address = _attempts(store, _FREE_TRIES_OF_AN_ADDRESS)

    async def log_in(self, frame: Frame, address: str) -> str:
        """The key that a box shows, once its being there is on disk; an unknown box is registered by that.

        Raises InvalidPayload, Unauthorized, Forbidden, TooManyRequests for a guesser, Unavailable.
        """
        box = (address, frame.device_id)
        if self._by_box.seconds_to_wait(box) or self._by_address.seconds_to_wait(address):
            raise TooManyRequests("too many wrong passwords from there")
        try:
            key_text, key = self._find_key(credentials_of(frame))
        except Unauthorized:
            self._by_box.count(box)
            self._by_address.count(address)
            raise
        self._by_box.forget(box)
        admission = admit(self._keyring, self.store.fleet, key, frame.device_id)
        about(frame.device_id)
        beat = Heartbeat(frame.device_id, ip_address=address, interval_seconds=INTERVAL_SECONDS)
        await record_or_enrol(
            self.store, self._keyring, beat, admission, make=MAKE, needs_approval=self._needs_approval
        )
        return key_text

    def check(self, device_id: str, address: str, key_text: str | None) -> None:
        """Raises Unauthorized or Forbidden where a box may not, or no longer, tell anything."""
        device = self.store.fleet.find(device_id)
        if device is None:
            raise Unauthorized("this box is not known")
        if key_text is not None:
            admit(self._keyring, self.store.fleet, find_gateway_key(self._keyring, key_text), device_id)
        elif device.make != MAKE or not self._is_trusted(address):
            raise Unauthorized("this box has to log in")
        about(device_id)

    def _find_key(self, told: Credentials) -> tuple[str, Key]:
        """The key in the two fields: in the password, or cut in two because each field has room for 16."""
        joined = told.user + told.password
        for key_text in (told.password, joined, DEVICE + joined, ENROLLMENT + joined):
            with contextlib.suppress(Unauthorized):
                return key_text, find_gateway_key(self._keyring, key_text)
        raise Unauthorized("this password is not known, or not good any more", code="invalid_key")

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address):
            parsed = parsed.ipv4_mapped or parsed
        return any(parsed in network for network in self._trusted)


def _attempts(store: Store, free: int) -> Attempts:
    return Attempts(store.clock, free=free, longest_seconds=_LONGEST_WAIT_SECONDS)
