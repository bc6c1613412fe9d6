"""Every decoder survives fuzzing that is guided by what the inputs reach in it, and what breaks one is told."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import IN_CI
from tests.gateways import ejoin_pushes, posting
from tests.guided.running import n_cores, outcome_of, run_all, run_one
from tests.guided.samples import SAMPLES, samples_of, words_of
from tests.guided.targets import DECODERS, input_of, request_of

HOME = os.environ.get("GOIP_TEST_FUZZ", "")
"""Where `make test` keeps what the fuzzers do that it has begun; empty where nobody has."""
SECONDS = float(os.environ.get("GOIP_TEST_FUZZ_SECONDS", "1"))
LOCK = "lock"


def breaks_at_a_word(data: bytes) -> None:
    """A decoder with a defect that only guided fuzzing finds: each step is one of many."""
    if data[:1] == b"g" and data[1:2] == b"o" and data[2:3] == b"i":
        raise KeyError("p")


@pytest.fixture(scope="module")
def fuzzer() -> None:
    """Skips loudly where there is none, and fails where there must be one."""
    if find_spec("atheris") is None:
        (pytest.fail if IN_CI else pytest.skip)("guided fuzzing is left out: atheris is not installed")


@pytest.fixture(scope="module")
def fuzzed(fuzzer: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the fuzzers left their outcomes: those that have been running since the tests began, or our own."""
    if HOME:
        with (Path(HOME) / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)  # whoever runs them holds it to the end
            yield Path(HOME)
        return
    home = tmp_path_factory.mktemp("guided")
    run_all(home, DECODERS, SECONDS, n_cores(), lambda _line: None)
    yield home


@pytest.mark.fuzz
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_survives(fuzzed: Path, decoder: str) -> None:
    outcome = outcome_of(fuzzed, decoder)
    assert outcome.trouble is None, outcome.trouble
    assert outcome.seconds >= SECONDS
    assert outcome.n_executions > len(samples_of(decoder))


@pytest.mark.fuzz
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("fuzzer")
def test_what_breaks_a_decoder_is_found_and_told_with_its_input(tmp_path: Path) -> None:
    said: list[str] = []
    target = f"{__name__}:{breaks_at_a_word.__name__}"
    outcome = run_one(tmp_path, "dbl", 60, said.append, target)
    assert outcome.trouble is not None
    assert "KeyError" in outcome.trouble
    assert "the input, for a test:\nb'goi" in outcome.trouble
    assert f"make fuzz DECODER=dbl INPUT={tmp_path}/dbl/crash-" in outcome.trouble
    assert "BROKEN" in said[-1]


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_samples_are_decoded_as_promised(decoder: str) -> None:
    assert words_of(decoder)
    samples = samples_of(decoder)
    assert len(samples) >= 3
    for sample in samples:
        DECODERS[decoder](sample)


def test_every_decoder_has_samples() -> None:
    assert set(SAMPLES) == set(DECODERS)


def test_an_input_stands_for_a_request() -> None:
    asked = ejoin_pushes.forward(b"a\n\nb")
    assert request_of(input_of(asked)) == asked._replace(device_id="phone-1")
    odd = posting.push(b"", query="a=%ff", headers={"X-A": "b: c"}, path="v1/x")._replace(method="PATCH")
    assert request_of(input_of(odd)) == odd


def test_whatever_the_input_it_stands_for_some_request() -> None:
    for data in (b"", b"\n\n", b"\xff?\xff\nA\nB: \xff\n\n\xff", b"GET"):
        request_of(data)
