"""Old Dinstar boxes at a real server: what outlives it, who needs no password, and a port that is taken."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from tests.gateways import dwg
from tests.gateways.dwg import BOX
from tests.live_fixtures import MakeServer
from tests.live_server import ENROLMENT_KEY, LiveServer, free_port

pytestmark = pytest.mark.timeout(120)


def connect(server: LiveServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.settings["DINSTAR_PORT"])), timeout=10)


def ask(box: socket.socket, frame: bytes) -> bytes:
    box.sendall(frame)
    heard = b""
    while len(heard) < 25:
        piece = box.recv(25 - len(heard))
        if not piece:
            break
        heard += piece
    return heard


def log_in(server: LiveServer) -> socket.socket:
    box = connect(server)
    assert ask(box, dwg.login_with(ENROLMENT_KEY)) == dwg.ack(15)
    return box


def texts(server: LiveServer) -> list[str]:
    return [each["message"] for each in server.get("/api/sms", server.admin).must()["messages"]]


def test_a_box_reports_and_its_messages_outlive_the_server(make_server: MakeServer) -> None:
    server = make_server(DINSTAR_PORT=str(free_port())).start()
    with closing(log_in(server)) as box:
        assert ask(box, dwg.states(0, 1)) == dwg.ack(7)
        assert ask(box, dwg.sms("Привет")) == dwg.ack(5)
        device = server.device(BOX)
        assert (device["make"], device["status"], device["intervalSeconds"]) == ("dinstar", "online", 60)
        assert [slot["status"] for slot in device["simSlots"]] == ["registered", "no sim"]
        frames = server.get(f"/api/devices/{BOX}/frames", server.admin).must()["frames"]
        assert [frame["head"].split()[0] for frame in frames] == [
            "ANSWER",
            "SMS",
            "ANSWER",
            "PORTS",
            "ANSWER",
            "LOGIN",
        ]
        server.kill()
        assert ask(box, b"") == b""
    server.start()
    with closing(log_in(server)) as box:
        assert ask(box, dwg.sms("Привет")) == dwg.ack(5)
        assert texts(server) == ["Привет"]
        server.terminate()
        assert ask(box, b"") == b""
    assert server.wait_for_end() == 0


def test_a_known_box_at_a_trusted_address_needs_no_password(make_server: MakeServer) -> None:
    server = make_server(DINSTAR_PORT=str(free_port()), DINSTAR_ALLOW="127.0.0.0/8").start()
    server.post("/api/devices", {"deviceId": BOX, "make": "dinstar"}, server.admin).must(201)
    with closing(connect(server)) as box:
        assert ask(box, dwg.sms("hello")) == dwg.ack(5)
    assert texts(server) == ["hello"]


def test_a_port_that_is_taken_stops_the_start_and_is_named(make_server: MakeServer) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server = make_server(DINSTAR_PORT=str(other.getsockname()[1]))
        server.launch()
        assert server.wait_for_end() != 0
    assert "Set GOIP_DINSTAR_PORT, or 0 for none." in server.log
