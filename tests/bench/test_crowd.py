"""The crowd of the fan-out benchmark: it has to notice whatever a client was not told."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.bench.bench import Bench, Plan
from tests.bench.crowd import Expected, Member, Reader, check
from tests.bench.crowds import companion
from tests.bench.dashboards import client_frame
from tests.bench.machine import Cores
from tests.bench.nuisance import NuisanceSettings
from tests.bench.report import Report
from tests.bench.sections import idle, rooms
from tests.bench.servers import Server, goip_rooms
from tests.bench.talk import Protocol, Refused, Talk, Talker

ANYWHERE = Cores(None, None)


def server_frame(payload: bytes) -> bytes:
    assert len(payload) < 126
    return bytes((0x81, len(payload))) + payload


def event(seq: int) -> bytes:
    return server_frame(b'42["sms-received",{"text":"hello","seq":%d}]' % seq)


def receive(member: Member, data: bytes) -> None:
    for part in (data[:7], data[7:]):  # a frame may come in pieces
        member.get_buffer(-1)[: len(part)] = part
        member.buffer_updated(len(part))


def ask(read: bytes, received: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[int, bool]:
    monkeypatch.setattr("tests.bench.crowd._PATIENCE_SECONDS", 0.0)
    reader, member = Reader("socketio"), Member()
    receive(reader, read)
    receive(member, received)
    return asyncio.run(check(reader, [reader, member], Expected(5, 7)))


WHOLE = event(5) + event(6) + event(7)


def test_a_crowd_that_was_told_everything_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(WHOLE, WHOLE, monkeypatch) == (2, True)


@pytest.mark.parametrize(
    "received",
    [event(5) + event(7), event(6) + event(5) + event(7), WHOLE + event(7), WHOLE[:-1]],
    ids=["lost", "swapped", "repeated", "cut short"],
)
def test_a_client_that_was_told_otherwise_is_found(received: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(WHOLE, received, monkeypatch) == (1, True)
    assert ask(received, received, monkeypatch)[1] is False


def test_a_raw_frame_counts_every_event_in_it() -> None:
    reader = Reader("websocket")
    receive(
        reader, server_frame(b'{"events":[{"seq":5,"event":"a","data":{"seq":5}},{"seq":6,"event":"a"}]}')
    )
    assert list(reader.seqs) == [5, 6]


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
SERVER_SAYS: dict[Protocol, tuple[bytes, ...]] = {
    "socketio": (b'0{"sid":"x"}', b'40{"sid":"y"}', b'430[{"ok":true}]'),
    "websocket": (b'{"type":"authenticated"}', b'{"type":"joined"}', b'{"after":null,"events":[]}'),
}


@pytest.mark.parametrize("protocol", SERVER_SAYS)
def test_a_client_is_in_when_the_last_answer_has_come(protocol: Protocol) -> None:
    talker = Talker(Talk(1, protocol, "/", token="t"))
    heard = talker.hear(UPGRADED)
    *first, last = SERVER_SAYS[protocol]
    heard += b"".join(talker.hear(server_frame(payload)) for payload in first)
    assert not talker.is_in
    talker.hear(server_frame(last))
    assert talker.is_in
    assert b"dashboard" in heard


@pytest.mark.parametrize("answer", [b"HTTP/1.1 401 Unauthorized\r\n\r\n", UPGRADED + server_frame(b"44{}")])
def test_a_client_that_is_not_let_in_says_so(answer: bytes) -> None:
    with pytest.raises(Refused):
        Talker(Talk(1, "socketio", "/", token="t")).hear(answer)


def test_pings_of_both_kinds_are_answered() -> None:
    talker = Talker(Talk(1, "socketio", "/", token="t"))
    assert talker.hear(UPGRADED + server_frame(b"2")) == client_frame(b"3")
    assert talker.hear(b"\x89\x02hi") == client_frame(b"hi", opcode=10)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with goip_rooms(tmp_path_factory.mktemp("rooms"), ANYWHERE) as running:
        yield running


@pytest.fixture
def server(started: Server) -> Server:
    started.resume()  # measuring leaves a server paused
    return started


def test_rooms_of_both_protocols_are_told_by_a_real_server(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(Plan(), ANYWHERE, Report({}))
    for protocol in rooms.PEERS:
        rooms.report(bench, rooms.measure({"goip": server}, ANYWHERE, protocol, 3, 0.1, 1))
    rates = {f.what: f.value for f in bench.report.figures if f.unit == "messages/s"}
    assert len(rates) == 4
    assert all(rates.values()), capsys.readouterr().out
    assert all("as busy" in note for note in bench.report.notes)


def test_every_trouble_of_the_idle_section_begins(server: Server) -> None:
    bench = Bench(Plan(), ANYWHERE, Report({}))
    for trouble in (idle.troubles(bench, n_idle=3) | idle.floods(bench, rate=100.0)).values():
        with trouble(server) as begun:
            assert begun


def test_a_flood_opens_connections_and_proves_nothing(server: Server) -> None:
    talks = [Talk(server.port, protocol, rooms.PATHS["goip", protocol]) for protocol in rooms.PEERS]
    settings = NuisanceSettings("flood", talks, rate=200.0)
    with companion("tests.bench.nuisance", settings, server, ANYWHERE) as flood:
        n_opened = 0
        while n_opened < 10:
            flood.tell({})
            counts = flood.hear()
            n_opened = counts["n_opened"]
        assert counts["n_ended"] == 0
