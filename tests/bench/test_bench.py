"""The benchmark's own instruments: what they build, count and parse."""

import json
from array import array
from pathlib import Path

import pytest

from tests.bench.bodies import FIRST_COUNTER, NUMBERS, build_requests, save_requests
from tests.bench.dashboards import client_frame, find_payload
from tests.bench.load import LoadSettings, percentile_ms
from tests.bench.loops import has_uvloop
from tests.bench.machine import Cores
from tests.bench.report import Figure, Report, median_ratio
from tests.bench.runs import finish_load, start_load
from tests.bench.servers import echo_server

ANYWHERE = Cores(None, None)


def test_a_prebuilt_request_is_whole_and_its_length_is_right() -> None:
    requests = build_requests(["key-0", "key-1"], port=8080, n_variants=3)
    assert len(requests) == 6
    for head, tail in requests:
        request = head + NUMBERS % (FIRST_COUNTER + 7, 1_700_000_000_000) + tail
        headers, _, body = request.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in headers
        beat = json.loads(body)
        assert beat["counter"] == FIRST_COUNTER + 7
        assert len(beat["simSlots"]) == 2


def test_each_device_has_its_own_key_and_comes_once_a_round() -> None:
    requests = build_requests(["key-0", "key-1", "key-2"], port=1, n_variants=2)
    keys = [head.partition(b"Bearer ")[2].partition(b"\r\n")[0] for head, _ in requests]
    assert keys == [b"key-0", b"key-1", b"key-2"] * 2


@pytest.mark.parametrize("size", [0, 5, 125, 126, 65_535, 65_536, 200_000])
def test_frames_of_every_length_are_found(size: int) -> None:
    length = (
        bytes([size])
        if size < 126
        else b"\x7e" + size.to_bytes(2, "big")
        if size < 65_536
        else b"\x7f" + size.to_bytes(8, "big")
    )
    frame = b"\x81" + length + bytes(size)
    assert find_payload(b"??" + frame + b"\x81", 2) == (2 + len(frame) - size, 2 + len(frame))
    assert find_payload(frame[:-1], 0) is None or size == 0


def test_a_clients_frame_is_masked_with_zeros() -> None:
    assert client_frame(b"3") == b"\x81\x81\x00\x00\x00\x003"
    assert client_frame(bytes(300))[1:4] == b"\xfe\x01\x2c"


def test_percentiles_are_in_milliseconds() -> None:
    assert percentile_ms(array("d", [0.001 * number for number in range(1, 101)]), 50) == 51.0
    assert percentile_ms(array("d"), 99) == 0.0


def test_the_ratio_is_the_median_of_pairs() -> None:
    assert median_ratio([(1, 2), (3, 2), (9, 3)]) == 1.5
    assert median_ratio([(1, 0)]) == 0.0


def test_a_figure_knows_whether_its_target_is_met() -> None:
    assert Figure("s", "w", 0.5, target=0.45).is_met
    assert not Figure("s", "w", 0.4, target=0.45).is_met
    assert Figure("s", "w", 20, target=50, is_at_most=True).is_met
    assert Figure("s", "w", 20).is_met is None


def test_results_are_kept_as_json(tmp_path: Path) -> None:
    report = Report({"cores": 2})
    report.add(Figure("ingest", "of a bare echo", 0.4, target=0.45))
    report.save(tmp_path / "bench.json")
    content = json.loads((tmp_path / "bench.json").read_text())
    assert content["figures"][0]["is_met"] is False
    assert report.n_missed == 1


@pytest.mark.parametrize("rate", [None, 200.0])
def test_the_load_generator_loads_a_real_server(tmp_path: Path, rate: float | None) -> None:
    with echo_server(tmp_path, ANYWHERE, "uvloop" if has_uvloop() else "asyncio") as server:
        requests = save_requests(tmp_path / "requests", build_requests(["a", "b"], server.port))
        settings = LoadSettings(
            server.port, str(requests), 0.5, FIRST_COUNTER, connections=4, warmup_seconds=0.1, rate=rate
        )
        result = finish_load(start_load(settings, tmp_path, ANYWHERE))
    assert result.n_errors == 0
    assert result.statuses == {"200": result.n_answers}
    assert result.p50_ms <= result.p99_ms <= result.max_ms
    assert result.n_answers > 10
    if rate:
        assert result.n_answers <= rate * 0.5 + 1
        assert result.last_counter == FIRST_COUNTER + 119
