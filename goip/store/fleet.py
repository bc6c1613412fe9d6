"""The live state of every device: what was committed last, in memory.

The log is the truth; this is its newest page. Only the writer changes it, and only after a commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from goip.models import CardPlace, Cursor, Device, Stats, Status


@dataclass(slots=True)
class SmsTotals:
    """How many messages there are, by what became of them."""

    received: int = 0
    sent: int = 0
    delivered: int = 0
    failed: int = 0


class Fleet:
    """Devices by their id, counted by status, and the place in the stream that this state is of.

    `cards` are the newest places of SIM cards by `sim_key`; `doubts` are, by device, the cards that it told last and
    another one has told since.
    """

    def __init__(self, epoch: str, seq: int, sms: SmsTotals | None = None) -> None:
        self.epoch = epoch
        self.seq = seq
        self.oldest_seq = 0
        self.stats_seq = seq
        self.sms = sms or SmsTotals()
        self.next_pk = 1
        self._devices: dict[str, Device] = {}
        self._by_pk: dict[int, str] = {}
        self._n_by_status: dict[Status, int] = {"online": 0, "late": 0, "offline": 0, "unknown": 0}
        self.cards: dict[str, CardPlace] = {}
        self.doubts: dict[str, frozenset[str]] = {}

    def take_over(self, other: Fleet) -> None:
        """Become what `other` is, which was read from disk again."""
        self.epoch, self.seq, self.oldest_seq = other.epoch, other.seq, other.oldest_seq
        self.stats_seq, self.sms = other.stats_seq, other.sms
        self.next_pk = max(self.next_pk, other.next_pk)
        self._devices, self._by_pk = other._devices, other._by_pk
        self._n_by_status = other._n_by_status
        self.cards, self.doubts = other.cards, other.doubts

    @property
    def cursor(self) -> Cursor:
        """The newest committed change."""
        return Cursor(self.epoch, self.seq)

    def __len__(self) -> int:
        return len(self._devices)

    def __iter__(self) -> Iterator[Device]:
        return iter(self._devices.values())

    def find(self, device_id: str) -> Device | None:
        """The device of that id, None where there is none."""
        return self._devices.get(device_id)

    def find_by_pk(self, pk: int | None) -> Device | None:
        """The device of that key, None where there is none."""
        device_id = None if pk is None else self._by_pk.get(pk)
        return None if device_id is None else self._devices.get(device_id)

    def put(self, devices: Iterable[Device]) -> None:
        """Take over committed devices."""
        for device in sorted(devices, key=attrgetter("seq")):  # two may have changed in turns
            known = self._devices.get(device.device_id)
            if known is None:
                self._by_pk[device.pk] = device.device_id
                self.next_pk = max(self.next_pk, device.pk + 1)
                self._n_by_status[device.status] += 1
            elif known.status != device.status:
                self._n_by_status[known.status] -= 1
                self._n_by_status[device.status] += 1
            # In the order of their newest change, for `newest_first`.
            self._devices.pop(device.device_id, None)
            self._devices[device.device_id] = device

    def place_cards(self) -> None:
        """Find out where the cards are, from what every device told last."""
        for device in self:
            for slot in device.slots:
                if slot.sim_key is None:
                    continue
                earlier = self.cards.get(slot.sim_key)
                if earlier is not None and earlier.device_id != device.device_id:
                    known = self.doubts.get(earlier.device_id, frozenset())
                    self.doubts[earlier.device_id] = known | {slot.sim_key}
                self.cards[slot.sim_key] = CardPlace(device.device_id, slot.slot_index)

    def newest_first(self, after_seq: int) -> Iterator[Device]:
        """The devices that changed after `after_seq`, the newest first: what changed, not how many there are."""
        for device in reversed(self._devices.values()):
            if device.seq <= after_seq:
                return
            yield device

    def remove(self, device_id: str) -> None:
        """Forget a device whose removal is committed."""
        device = self._devices.pop(device_id)
        del self._by_pk[device.pk]
        self._n_by_status[device.status] -= 1

    def stats(self) -> Stats:
        """The totals of now."""
        count = self._n_by_status
        return Stats(
            total_devices=len(self._devices),
            online_devices=count["online"] + count["late"],
            late_devices=count["late"],
            offline_devices=count["offline"],
            unknown_devices=count["unknown"],
            received_sms=self.sms.received,
            sent_sms=self.sms.sent,
            delivered_sms=self.sms.delivered,
            failed_sms=self.sms.failed,
        )
