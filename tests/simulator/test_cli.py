"""`goip simulate` on the command line."""

import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from goip.simulator.boxes import BoxTally, Outcome, show
from goip.simulator.boxes.options import BOX_MAKES
from goip.simulator.cli import describe_progress, simulate_command
from goip.simulator.tally import Tally

COMMAND = [sys.executable, "-c", "from goip.simulator.cli import simulate_command; simulate_command()"]


def test_a_server_on_another_machine_needs_a_flag() -> None:
    result = CliRunner().invoke(simulate_command, ["--url", "http://192.0.2.1", "--key", "k"])
    assert result.exit_code == 2
    assert "not on this machine" in result.output


def test_the_key_may_come_from_the_environment() -> None:
    arguments = ["--url", "http://127.0.0.1:9", "--devices", "1", "--duration", "0.1", "--interval", "1"]
    result = CliRunner().invoke(simulate_command, arguments, env={"GOIP_ENROLLMENT_KEY": "k"})
    assert result.exit_code == 1
    assert "heartbeats" in result.output


def test_a_key_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOIP_ENROLLMENT_KEY", raising=False)
    result = CliRunner().invoke(simulate_command, ["--url", "http://127.0.0.1:9"])
    assert result.exit_code == 2
    assert "--key" in result.output


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_ends_it_with_a_report() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--url", "http://127.0.0.1:9", "--key", "k", "--devices", "2"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "devices" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, output = process.communicate(timeout=20)
    assert "p99" in output
    assert "Traceback" not in output


def test_progress_tells_trouble_only_when_there_is_some() -> None:
    tally = Tally(n_devices=3, n_heartbeats=1200, n_sms=4, seconds=2.0)
    assert "1,200" in describe_progress(tally)
    assert "602/s" in describe_progress(tally)
    assert "failed" not in describe_progress(tally)
    tally.n_failed, tally.last_error = 2, "503 busy"
    assert "2 failed" in describe_progress(tally)
    assert "503 busy" in describe_progress(tally)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(simulate_command, ["--url", "http://127.0.0.1:9", "--key", "k", *arguments])


def test_a_box_that_nobody_answers_ends_with_a_report() -> None:
    result = invoke(
        *("--make", "dbl", "--lines", "3", "--udp-port", "9", "--interval", "0.05", "--duration", "0.3"),
        *("--loss", "1", "--repeat", "0.1", "--reorder", "0.1", "--seed", "4", "--pace", "100"),
    )
    assert result.exit_code == 1
    assert "1 dbl of 3 lines → 127.0.0.1:9 (UDP)" in result.output
    assert "lost" in result.output
    assert "acknowledged 0" in result.output


@pytest.mark.parametrize("make", [make for make in BOX_MAKES if make not in ("dbl", "mqtt")])
def test_every_real_protocol_has_a_name(make: str) -> None:
    asked = ("--listen", "0") if make == "yeastar" else ()
    result = invoke("--make", make, "--duration", "0.2", "--interval", "0.1", "--repeats", "0", *asked)
    assert result.exit_code == 1
    assert f"1 {make} of " in result.output


def test_a_fleet_at_a_broker_needs_a_broker_and_no_key() -> None:
    arguments = ["--make", "mqtt", "--interval", "0.1", "--duration", "0.3"]
    result = CliRunner().invoke(
        simulate_command, [*arguments, "--broker", "mqtt://u:s3cret@127.0.0.1:9/site"]
    )
    assert result.exit_code == 1
    assert "1 mqtt of 8 lines → mqtt://127.0.0.1:9/site" in result.output
    assert "s3cret" not in result.output
    refused = CliRunner().invoke(simulate_command, arguments)
    assert refused.exit_code == 2
    assert "make mqtt must have a broker" in refused.output


@pytest.mark.parametrize("make", ["mixed", "goip", "phone"])
def test_the_native_format_keeps_its_names(make: str) -> None:
    result = invoke("--make", make, "--duration", "0.1", "--interval", "1")
    assert "20 devices" in result.output


@pytest.mark.parametrize(
    ("make", "option"),
    [
        ("dbl", ("--rate", "5")),
        ("ejoin", ("--ports", "5")),
        ("mixed", ("--lines", "4")),
        ("phone", ("--loss", "0.1")),
        ("goip", ("--numbered",)),
        ("mixed", ("--listen", "9")),
    ],
)
def test_an_option_that_the_make_does_not_have_is_refused(make: str, option: tuple[str, ...]) -> None:
    result = invoke("--make", make, *option)
    assert result.exit_code == 2
    assert f"{option[0]} is not for --make {make}" in result.output


def test_a_fleet_of_boxes_tells_what_went_wrong_only_when_something_did() -> None:
    tally = BoxTally(n_boxes=2, n_lines=16, seconds=2.0)
    tally.messages.n_sent, tally.messages.n_acknowledged = 1_200, 1_198
    assert "1,198[/] of 1,200 SMS" in show.describe_progress(tally)
    assert "repeated" not in show.describe_progress(tally)
    assert "refused" not in show.describe_progress(tally)
    tally.n_repeated, tally.n_lost, tally.n_reboots = 3, 4, 5
    tally.outcomes[Outcome.GIVEN_UP] = 2
    tally.refuse("503 busy")
    for words in ("3 repeated", "4 lost on purpose", "5 restarts", "1 refused[/] (503 busy)"):
        assert words in show.describe_progress(tally)
    rows = dict(show.rows_of(tally))
    assert rows["unacknowledged"] == "SMS 2: given up 2, forgotten 0, refused 0, open 0"
    assert "599.0 acknowledged a second" in rows["time"]
    assert "orders" not in rows
    tally.n_texts_out, tally.n_asked_again = 7, 1
    assert dict(show.rows_of(tally))["orders"] == "SMS sent 7, USSD 0, asked again while on air 1"
