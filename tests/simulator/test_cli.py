"""`goip simulate` on the command line."""

import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

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
    time.sleep(1.5)
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
