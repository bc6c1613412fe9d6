"""Lists: pages, searches, filters and orders, also while data arrives; and the export."""

from __future__ import annotations

import csv
import io
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.following import eventually
from tests.live_server import LiveServer


def walk(
    server: LiveServer,
    path: str,
    name: str,
    *,
    between_pages: Callable[[], None] | None = None,
    **query: object,
) -> list[dict[str, Any]]:
    """Every item of a list, page by page; `between_pages` is done before each next page."""
    items: list[dict[str, Any]] = []
    cursor = None
    for _ in range(200):
        page = server.get(path, server.admin, **query, **({"cursor": cursor} if cursor else {})).must()
        assert set(page) == {name, "nextCursor", "total"}
        assert len(page[name]) <= int(str(query.get("limit", 50)))
        items += page[name]
        cursor = page["nextCursor"]
        if cursor is None:
            return items
        if between_pages is not None:
            between_pages()
    raise AssertionError(f"{path} has no last page")


def fleet_of(server: LiveServer, n_devices: int, **fields: Callable[[int], object]) -> dict[str, str]:
    """The keys of new devices by their ids, which share a prefix that no other test has; see `prefix_of`."""
    prefix = server.new_id("fleet")
    ids = [f"{prefix}-{n:03}" for n in range(n_devices)]
    return {
        id_: server.enrol(id_, **{name: of(n) for name, of in fields.items()}) for n, id_ in enumerate(ids)
    }


def prefix_of(fleet: dict[str, str]) -> str:
    return next(iter(fleet)).rpartition("-")[0]


def ids(devices: list[dict[str, Any]]) -> list[str]:
    return [device["deviceId"] for device in devices]


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 500])
def test_pages_of_devices_hold_every_device_once(limit: int, server: LiveServer) -> None:
    fleet = fleet_of(server, 10)
    found = walk(server, "/api/devices", "devices", search=prefix_of(fleet), sort="deviceId", limit=limit)
    assert ids(found) == list(fleet)
    page = server.get("/api/devices", server.admin, search=prefix_of(fleet), limit=1).must()
    assert page["total"] == 10


@pytest.mark.parametrize("sort", ["name", "lastSeen", "deviceId", "batteryLevel", "signalStrength", "status"])
def test_devices_are_sorted_both_ways(sort: str, server: LiveServer) -> None:
    levels = random.Random(sort).sample(range(100), 8)
    fleet = fleet_of(
        server,
        8,
        name=lambda n: f"n{levels[n]:02}",
        batteryLevel=lambda n: levels[n],
        signalStrength=lambda n: levels[n],
    )
    query = {"search": prefix_of(fleet), "limit": 3}
    up = walk(server, "/api/devices", "devices", sort=sort, **query)
    down = walk(server, "/api/devices", "devices", sort=f"-{sort}", **query)
    assert sorted(ids(up)) == sorted(ids(down)) == sorted(fleet)
    if sort != "status":
        values = [device[sort] for device in up]
        assert values == sorted(values)
        assert [device[sort] for device in down] == values[::-1]


@pytest.mark.parametrize("sort", ["-lastSeen", "batteryLevel", "-batteryLevel", "name", "-name", "status"])
def test_walking_the_devices_ends_and_misses_none_that_stays_while_others_move(
    sort: str, server: LiveServer
) -> None:
    fleet = fleet_of(server, 24, batteryLevel=lambda n: 4 * n, name=lambda n: f"{n:03}")
    moving = {id_: key for n, (id_, key) in enumerate(fleet.items()) if n % 2}
    chance = random.Random(sort)

    def move() -> None:
        for id_, key in moving.items():
            body = {"batteryLevel": chance.randrange(101), "name": f"{chance.randrange(1000)}"}
            server.heartbeat(id_, key, **body).must()

    query = {"search": prefix_of(fleet), "sort": sort, "limit": 5}
    found = ids(walk(server, "/api/devices", "devices", between_pages=move, **query))
    staying = [id_ for id_ in fleet if id_ not in moving]
    assert sorted(id_ for id_ in found if id_ not in moving) == staying


def test_a_walk_survives_the_removal_of_the_device_where_a_page_ended(server: LiveServer) -> None:
    fleet = fleet_of(server, 9)
    names = list(fleet)

    def remove() -> None:
        doomed = [names[2], names[5]]
        for id_ in doomed:
            server.request("DELETE", f"/api/devices/{id_}", token=server.admin)

    query = {"search": prefix_of(fleet), "sort": "deviceId", "limit": 3}
    assert ids(walk(server, "/api/devices", "devices", between_pages=remove, **query))[3:] == [
        names[3],
        names[4],
        names[6],
        names[7],
        names[8],
    ]


def test_a_walk_of_one_status_survives_a_change_of_status(server: LiveServer) -> None:
    fleet = fleet_of(server, 6)
    last_of_page = list(fleet)[2]
    quiet = server.new_id()
    server.enrol(quiet, intervalSeconds=1)
    query = {"search": prefix_of(fleet), "status": "online", "sort": "deviceId", "limit": 3}
    first = server.get("/api/devices", server.admin, **query).must()
    server.heartbeat(last_of_page, fleet[last_of_page], intervalSeconds=1).must()
    eventually(lambda: server.device(last_of_page)["status"], lambda status: status != "online", timeout=20)
    second = server.get("/api/devices", server.admin, **query, cursor=first["nextCursor"]).must()
    assert ids(second["devices"]) == list(fleet)[3:]


@pytest.mark.parametrize(
    "by", ["deviceId", "name", "part of the name", "other case", "number", "carrier", "model"]
)
def test_devices_are_found_by_what_people_know_of_them(by: str, server: LiveServer) -> None:
    mark = server.new_id("seek").replace("-", "")
    device_id = f"id{mark}"
    slot = {"slotIndex": 0, "carrierName": f"Carrier {mark}c", "phoneNumber": "+4479460" + mark[4:].zfill(6)}
    server.enrol(device_id, name=f"Äther {mark}n", simSlots=[slot], deviceBrandInfo={"model": f"M{mark}m"})
    wanted = {
        "deviceId": device_id,
        "name": f"Äther {mark}n",
        "part of the name": f"ther {mark}",
        "other case": f"äTHER {mark}N",
        "number": slot["phoneNumber"],
        "carrier": f"{mark}c",
        "model": f"m{mark}m",
    }[by]
    assert ids(server.get("/api/devices", server.admin, search=wanted).must()["devices"]) == [device_id]


def test_devices_are_filtered_by_status_and_make(server: LiveServer) -> None:
    fleet = fleet_of(server, 2)
    query = {"search": prefix_of(fleet)}
    assert len(walk(server, "/api/devices", "devices", status="online,late", make="http", **query)) == 2
    assert walk(server, "/api/devices", "devices", status="offline", **query) == []
    assert walk(server, "/api/devices", "devices", make="goip", **query) == []


@pytest.fixture
def inbox(server: LiveServer) -> tuple[str, str]:
    """A device with thirty messages of two senders, `text 0` to `text 29`, a minute apart; its id and key."""
    device_id = server.new_id()
    key = server.enrol(device_id, simSlots=[{"slotIndex": 0}, {"slotIndex": 1}])
    start = datetime(2026, 3, 1, tzinfo=UTC)
    server.post(
        "/api/sms/receive", [sms(device_id, n, start + timedelta(minutes=n)) for n in range(30)], key
    ).must()
    return device_id, key


def sms(device_id: str, n: int, at: datetime) -> dict[str, Any]:
    return {
        "deviceId": device_id,
        "sender": "+15550001" if n % 3 else "BANK",
        "message": f"text {n} {'grün' if n % 2 else 'rot'}",
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "slotIndex": n % 2,
        "messageId": f"{n}",
    }


def numbers(messages: list[dict[str, Any]]) -> list[int]:
    return [int(message["message"].split()[1]) for message in messages]


def test_messages_come_newest_first_and_each_once_while_others_arrive(
    server: LiveServer, inbox: tuple[str, str]
) -> None:
    device_id, key = inbox
    arrived: list[int] = []

    def arrive() -> None:
        n = 100 + len(arrived)
        arrived.append(n)
        server.receive_sms(device_id, key, f"text {n}").must()

    found = walk(server, "/api/sms", "messages", between_pages=arrive, deviceId=device_id, limit=7)
    assert numbers(found) == list(range(29, -1, -1))
    assert len(arrived) == 4


def test_messages_are_walked_while_many_senders_write(server: LiveServer, inbox: tuple[str, str]) -> None:
    device_id, key = inbox
    is_over = threading.Event()

    def write() -> None:
        while not is_over.is_set():
            server.receive_sms(device_id, key, "text 999").must()

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        found = walk(server, "/api/sms", "messages", deviceId=device_id, limit=20)
    finally:
        is_over.set()
        for writer in writers:
            writer.join()
    assert len({message["id"] for message in found}) == len(found)
    assert [n for n in numbers(found) if n < 100] == list(range(29, -1, -1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"peer": "BANK"}, range(27, -1, -3)),
        ({"slotIndex": 1}, range(29, -1, -2)),
        ({"search": "grün"}, range(29, -1, -2)),
        ({"search": "GRÜN"}, range(29, -1, -2)),
        ({"search": "text 7"}, [27, 17, 7]),
        ({"search": "BANK"}, range(27, -1, -3)),
        ({"search": "nowhere"}, []),
        ({"direction": "outbound"}, []),
        ({"direction": "inbound", "peer": "BANK", "slotIndex": 1}, [27, 21, 15, 9, 3]),
    ],
    ids=str,
)
def test_messages_are_found_by_what_is_asked(
    query: dict[str, Any], expected: Any, server: LiveServer, inbox: tuple[str, str]
) -> None:
    found = walk(server, "/api/sms", "messages", deviceId=inbox[0], limit=4, **query)
    assert numbers(found) == list(expected)


@pytest.mark.parametrize(
    "search", ['"', "'", "*", "a AND", "NEAR(", "%", "_", "\\", "-", "col:x", "()", "😀", "\x00"]
)
def test_a_search_is_text_and_no_language(search: str, server: LiveServer, inbox: tuple[str, str]) -> None:
    for path in ("/api/sms", "/api/devices", "/api/sims", "/api/sms/conversations"):
        assert server.get(path, server.admin, search=search).status in (200, 400), path


def test_conversations_are_one_for_each_peer_of_a_device(server: LiveServer, inbox: tuple[str, str]) -> None:
    found = walk(server, "/api/sms/conversations", "conversations", deviceId=inbox[0], limit=1)
    assert [(c["peer"], c["nMessages"]) for c in found] == [("+15550001", 20), ("BANK", 10)]
    assert [c["lastMessage"]["message"].split()[1] for c in found] == ["29", "27"]


def test_sims_are_listed_with_the_slot_where_each_was_seen(server: LiveServer) -> None:
    mark = server.new_id()[-4:].strip("-").zfill(4)
    iccid = f"890149031234567{mark}"
    slots = [{"slotIndex": 3, "iccid": iccid, "imsi": f"26201123456{mark}", "carrierName": "Example"}]
    first, second = server.new_id(), server.new_id()
    server.enrol(first, simSlots=slots)
    (sim,) = server.get("/api/sims", server.admin, search=iccid).must()["sims"]
    assert (sim["deviceId"], sim["slotIndex"], sim["carrierName"]) == (first, 3, "Example")
    server.enrol(second, simSlots=[slots[0] | {"slotIndex": 1}])
    (sim,) = server.get("/api/sims", server.admin, search=iccid).must()["sims"]
    assert (sim["deviceId"], sim["slotIndex"]) == (second, 1), "a card that moved is one card"


FORMULAS = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1"]


@pytest.mark.parametrize("text", FORMULAS, ids=range(len(FORMULAS)))
def test_an_export_starts_no_formula(text: str, server: LiveServer) -> None:
    device_id = server.new_id()
    key = server.enrol(device_id)
    server.receive_sms(device_id, key, text, sender="=HYPERLINK(1)").must()
    answer = server.get("/api/sms", server.admin, deviceId=device_id, format="csv")
    (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline=""))
    for cell in row.values():
        assert not cell.lstrip(" ").startswith(("=", "@", "\t", "\r")), cell
        if cell.lstrip(" ").startswith(("+", "-")):
            assert cell.strip(" +-").isdecimal(), f"{cell}: only a number may begin so"


def test_an_export_holds_what_is_filtered_and_every_character(
    server: LiveServer, inbox: tuple[str, str]
) -> None:
    device_id, key = inbox
    odd = 'quote " comma , semicolon ; line\nbreak ☂ 🐙'
    server.receive_sms(device_id, key, odd, sender="ODD").must()
    answer = server.get("/api/sms", server.admin, deviceId=device_id, format="csv", limit=2)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert len(rows) == 31, "all that is filtered, not a page"
    assert odd in rows[0].values()
    only = server.get("/api/sms", server.admin, deviceId=device_id, peer="BANK", format="csv")
    assert len(list(csv.DictReader(io.StringIO(only.text.removeprefix("\ufeff"), newline="")))) == 10


def test_the_facts_of_a_device_are_listed_newest_first(server: LiveServer, inbox: tuple[str, str]) -> None:
    device_id, _ = inbox
    seqs: list[int] = []
    cursor = None
    while True:
        query = {"limit": 7} | ({"cursor": cursor} if cursor else {})
        page = server.get(f"/api/devices/{device_id}/events", server.admin, **query).must()
        seqs += [event["seq"] for event in page["events"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert seqs == sorted(set(seqs), reverse=True)
    assert len(seqs) >= 31
