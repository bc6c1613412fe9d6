"""Which old Dinstar boxes are let in at the TCP port."""

from __future__ import annotations

import pytest

from goip.auth.keys import DEVICE, ENROLLMENT, Keyring
from goip.gateways.dinstar.door import MAKE
from goip.operations import add_device, remove_device
from goip.store.store import Store
from tests.conftest import FakeClock
from tests.gateways import dwg
from tests.gateways.dinstar_boxes import SHORT_KEY, PlugIn, Serve, known, logged_in, texts
from tests.gateways.dwg import BOX

OTHER_MAC = bytes.fromhex("001fd6000db3")


async def test_a_box_is_registered_and_online_by_its_login(store: Store, plug_in: PlugIn) -> None:
    await logged_in(plug_in)
    device = known(store)
    assert (device.make, device.status, device.interval_seconds) == ("dinstar", "online", 60)
    assert device.ip_address == "127.0.0.1"


async def test_a_key_of_its_own_is_cut_in_two_and_good_for_no_other_box(
    store: Store, box_keyring: Keyring, plug_in: PlugIn
) -> None:
    device = await add_device(store, BOX, make=MAKE, key_hash="hash")
    key = (await box_keyring.rotate_device_key(device)).removeprefix(DEVICE)
    assert await (await plug_in()).ask(dwg.login_with(key)) == dwg.ack(15)
    other = await plug_in()
    refused = dwg.ack(15, is_ok=False, mac=OTHER_MAC)
    assert await other.ask(dwg.login_with(key, mac=OTHER_MAC)) == refused
    assert await (await plug_in()).ask(dwg.login("any", SHORT_KEY)) == dwg.ack(15, is_ok=False)


async def test_an_enrolment_key_is_cut_in_two_as_well(box_keyring: Keyring, plug_in: PlugIn) -> None:
    made = (await box_keyring.add_enrollment_key("boxes")).removeprefix(ENROLLMENT)
    assert await (await plug_in()).ask(dwg.login_with(made)) == dwg.ack(15)
    configured = "a-key-of-more-than-one-field"
    await box_keyring._take_configured(configured)
    assert await (await plug_in()).ask(dwg.login_with(configured)) == dwg.ack(15)


@pytest.mark.parametrize("credentials", [("", ""), ("admin", "wrong"), (SHORT_KEY, "wrong")])
async def test_a_wrong_password_is_told_and_ends_the_connection(
    store: Store, plug_in: PlugIn, credentials: tuple[str, str]
) -> None:
    box = await plug_in()
    box.send(dwg.login(*credentials), dwg.sms("after"))
    assert await box.hears_the_end() == dwg.ack(15, is_ok=False)
    assert (len(store.fleet), await texts(store)) == (0, [])


async def test_who_guesses_passwords_waits_and_a_neighbour_does_not(
    plug_in: PlugIn, clock: FakeClock
) -> None:
    for _ in range(10):
        assert await (await plug_in()).ask(dwg.login("a", "wrong")) == dwg.ack(15, is_ok=False)
    assert await (await plug_in()).ask(dwg.login("a", SHORT_KEY)) == dwg.ack(15, is_ok=False)
    other = await plug_in()
    assert await other.ask(dwg.login("a", SHORT_KEY, mac=OTHER_MAC)) == dwg.ack(15, mac=OTHER_MAC)
    clock.advance(61)
    await logged_in(plug_in)


async def test_a_guesser_with_many_macs_waits_too(plug_in: PlugIn) -> None:
    for n in range(30):
        mac = bytes([0, 1, 2, 3, 4, n])
        await (await plug_in()).ask(dwg.login("a", "wrong", mac=mac))
    assert await (await plug_in()).ask(dwg.login("a", SHORT_KEY)) == dwg.ack(15, is_ok=False)


@pytest.mark.parametrize("told", [dwg.sms(), dwg.states(0), dwg.frame(515), dwg.frame(999)])
async def test_a_box_that_has_not_logged_in_is_sent_away_unanswered(
    store: Store, plug_in: PlugIn, told: bytes
) -> None:
    box = await plug_in()
    box.send(told)
    assert await box.hears_the_end() == b""
    assert len(store.fleet) == 0


async def test_a_keepalive_before_the_login_does_no_harm(plug_in: PlugIn) -> None:
    box = await plug_in()
    box.send(dwg.frame(0))
    assert await box.ask(dwg.login("any", SHORT_KEY)) == dwg.ack(15)


async def test_a_connection_is_of_one_box(store: Store, plug_in: PlugIn) -> None:
    box = await logged_in(plug_in)
    box.send(dwg.sms("of another", mac=OTHER_MAC))
    assert await box.hears_the_end() == b""
    assert await texts(store) == []


async def test_a_box_without_a_mac_is_nobody(plug_in: PlugIn) -> None:
    box = await plug_in()
    assert await box.ask(dwg.login("any", SHORT_KEY, mac=bytes(6))) == dwg.ack(15, is_ok=False, mac=bytes(6))


async def test_a_box_that_is_removed_meanwhile_is_sent_away_and_may_log_in_again(
    store: Store, box_keyring: Keyring, plug_in: PlugIn
) -> None:
    box = await logged_in(plug_in)
    box_keyring.forget_device(known(store).pk)
    await remove_device(store, BOX)
    box.send(dwg.sms())
    assert await box.hears_the_end() == b""
    await logged_in(plug_in)


async def test_a_box_that_waits_for_an_operator_keeps_its_messages(store: Store, serve_boxes: Serve) -> None:
    plug_in, _ = await serve_boxes(needs_approval=True)
    box = await logged_in(plug_in)
    assert known(store).is_pending
    box.send(dwg.sms())
    assert await box.ask(dwg.frame(515)) == dwg.ack(515)
    assert await texts(store) == []


@pytest.mark.parametrize(
    ("trusted", "make", "is_let_in"),
    [
        (("127.0.0.0/8", "192.0.2.1"), MAKE, True),
        (("127.0.0.1",), MAKE, True),
        (("127.0.0.0/8",), "ejoin", False),
        (("192.0.2.0/24", "::/0"), MAKE, False),
        ((), MAKE, False),
    ],
)
async def test_a_known_box_at_a_trusted_address_needs_no_password(
    store: Store, serve_boxes: Serve, trusted: tuple[str, ...], make: str, is_let_in: bool
) -> None:
    plug_in, _ = await serve_boxes(trusted)
    await add_device(store, BOX, make=make, key_hash="hash")
    box = await plug_in()
    box.send(dwg.states(0))
    assert await (box.hear() if is_let_in else box.hears_the_end()) == (dwg.ack(7) if is_let_in else b"")


async def test_an_unknown_box_at_a_trusted_address_is_sent_away(store: Store, serve_boxes: Serve) -> None:
    plug_in, _ = await serve_boxes(("127.0.0.0/8",))
    box = await plug_in()
    box.send(dwg.states(0))
    assert await box.hears_the_end() == b""
    assert len(store.fleet) == 0
