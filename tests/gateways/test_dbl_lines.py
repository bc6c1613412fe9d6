"""Lines of a GoIP box at a real server's UDP port."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.live_fixtures import MakeServer
from tests.live_server import ENROLMENT_KEY, LiveServer

pytestmark = pytest.mark.timeout(120)


class Line:
    """One line: a socket of its own, an id and a password."""

    def __init__(self, server: LiveServer, line_id: str, password: str = ENROLMENT_KEY) -> None:
        self.line_id = line_id
        self.password = password
        self.n_sent = 0
        self._server = ("127.0.0.1", server.udp_port)
        self.open()

    def close(self) -> None:
        self.socket.close()

    def move(self) -> None:
        """Come from another port, as behind a NAT that forgot."""
        self.close()
        self.open()

    def open(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(10)

    def ask(self, datagram: str) -> str:
        self.socket.sendto(datagram.encode(), self._server)
        return self.socket.recv(2048).decode()

    def is_answered(self, datagram: str, within: float) -> bool:
        self.socket.settimeout(within)
        try:
            return bool(self.ask(datagram))
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(10)

    def keepalive(self, more: str = "") -> str:
        self.n_sent += 1
        return (
            f"req:{self.n_sent};id:{self.line_id};pass:{self.password};num:;signal:21;gsm_status:LOGIN;{more}"
        )

    def sms(self, number: int, text: str, sender: str = "BANK") -> str:
        return f"RECEIVE:{number};id:{self.line_id};password:{self.password};srcnum:{sender};msg:{text}"


Plug = Callable[..., Line]


@pytest.fixture
def server(make_server: MakeServer) -> LiveServer:
    return make_server().start()


@pytest.fixture
def plug(server: LiveServer) -> Iterator[Plug]:
    """Plugs in lines, and pulls them out again after the test."""
    with ExitStack() as stack:

        def plug_in(line_id: str, password: str = ENROLMENT_KEY) -> Line:
            return stack.enter_context(closing(Line(server, line_id, password)))

        yield plug_in


def device(server: LiveServer, device_id: str) -> Any:
    return server.get(f"/api/devices/{device_id}", server.admin).json["device"]


def texts(server: LiveServer) -> list[str]:
    return sorted(each["message"] for each in server.get("/api/sms?limit=500", server.admin).json["messages"])


def test_a_line_is_online_by_its_first_keepalive(server: LiveServer, plug: Plug) -> None:
    line = plug("goip8-1")
    assert line.ask(line.keepalive("pro:Example;iccid:8949020000123456789;")) == "reg:1;status:200;"
    known = device(server, "goip8-1")
    assert (known["make"], known["status"], known["intervalSeconds"], known["counter"]) == (
        "dbl",
        "online",
        30,
        1,
    )
    (slot,) = known["simSlots"]
    assert (slot["operatorName"], slot["signalStrength"], slot["status"]) == ("Example", 21, "registered")
    assert known["ipAddress"] == "127.0.0.1"


def test_a_message_is_stored_once_however_often_it_comes(server: LiveServer, plug: Plug) -> None:
    line = plug("a")
    line.ask(line.keepalive())
    for _ in range(3):
        assert line.ask(line.sms(441, "one; two:\nthree")) == "RECEIVE 441 OK\n"
    assert line.ask(line.sms(442, "one; two:\nthree")) == "RECEIVE 442 OK\n"
    assert texts(server) == ["one; two:\nthree"] * 2


def test_a_line_may_move(server: LiveServer, plug: Plug) -> None:
    line = plug("a")
    line.ask(line.keepalive())
    line.move()
    assert line.ask(line.keepalive()) == "reg:2;status:200;"


def test_a_reboot_is_a_fact(server: LiveServer, plug: Plug) -> None:
    line = plug("a")
    for _ in range(9):
        line.ask(line.keepalive())
    line.n_sent = 0
    line.ask(line.keepalive())
    events = server.get("/api/devices/a/events", server.admin).json["events"]
    assert "device-reboot" in [event["event"] for event in events]


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password_is_told_and_stores_nothing(password: str, server: LiveServer, plug: Plug) -> None:
    line = plug("a", password)
    assert line.ask(line.keepalive()) == "reg:1;status:404;"
    assert line.ask(line.sms(7, "x")).startswith("RECEIVE 7 ERROR ")
    assert texts(server) == []
    assert server.get("/api/devices/a", server.admin).status == 404


def test_who_guesses_passwords_is_not_answered_for_a_while(server: LiveServer, plug: Plug) -> None:
    guesser, other = plug("a", "wrong"), plug("b")
    for _ in range(10):
        assert guesser.ask(guesser.keepalive()).endswith("status:404;")
    assert not guesser.is_answered(guesser.keepalive(), within=0.3)
    assert other.ask(other.keepalive()) == "reg:1;status:200;"


def test_a_message_of_a_line_that_never_beat_is_not_taken_for_stored(server: LiveServer, plug: Plug) -> None:
    line = plug("a")
    assert line.ask(line.sms(7, "x")).startswith("RECEIVE 7 ERROR ")


def test_a_device_key_is_good_for_its_own_line_only(server: LiveServer, plug: Plug) -> None:
    made = server.post("/api/devices", {"deviceId": "mine", "make": "dbl"}, server.admin)
    mine, other = plug("mine", made.json["deviceKey"]), plug("other", made.json["deviceKey"])
    assert mine.ask(mine.keepalive()) == "reg:1;status:200;"
    assert other.ask(other.keepalive()) == "reg:1;status:404;"


def test_verbs_that_we_do_not_know_are_answered_so_that_they_stop(server: LiveServer, plug: Plug) -> None:
    line = plug("a")
    line.ask(line.keepalive())
    told = "CELLS:34347;id:a;password:{};lists:689,638,783,"
    assert line.ask(told.format(ENROLMENT_KEY)) == "CELLS 34347 OK\n"


def test_a_call_is_a_fact_however_often_it_is_told(server: LiveServer, plug: Plug) -> None:
    line = plug("a")
    line.ask(line.keepalive())
    for _ in range(3):
        told = f"RECORD:7;id:a;password:{ENROLMENT_KEY};dir:1;num:5551234"
        assert line.ask(told) == "RECORD 7 OK\n"
    events = server.get("/api/devices/a/events", server.admin).json["events"]
    (call,) = [event["data"] for event in events if event["event"] == "call-event"]
    assert (call["state"], call["direction"], call["number"]) == ("incoming", "inbound", "5551234")


@pytest.mark.parametrize(("networks", "is_heard"), [("127.0.0.0/8 ::1", True), ("192.0.2.0/24", False)])
def test_only_listed_networks_are_heard(make_server: MakeServer, networks: str, is_heard: bool) -> None:
    server = make_server(UDP_ALLOW=networks).start()
    with closing(Line(server, "a")) as line:
        assert line.is_answered(line.keepalive(), within=10 if is_heard else 0.3) is is_heard


def test_garbage_is_not_answered_and_harms_nobody(server: LiveServer, plug: Plug) -> None:
    line = plug("a")
    for garbage in ("", "hello", "OK 1 1", "req:x;id:a;", "\0" * 900, "x" * 60_000):
        assert not line.is_answered(garbage, within=0.05)
    assert line.ask(line.keepalive()) == "reg:1;status:200;"


def test_messages_wait_in_the_box_while_the_server_is_down(server: LiveServer, plug: Plug) -> None:
    line = plug("a")
    line.ask(line.keepalive())
    server.kill()
    assert not line.is_answered(line.sms(5, "while you were out"), within=0.2)
    server.start()
    assert line.ask(line.sms(5, "while you were out")) == "RECEIVE 5 OK\n"
    assert texts(server) == ["while you were out"]
