"""`sluice bench` as its users run it, against `sluice up`."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from click.testing import CliRunner, Result

from services.__main__ import main
from tests.support.processes import Processes, Up, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "some-key-12345"


@pytest.fixture(scope="module")
def sluice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A server for all tests of this module."""
    group = Processes(tmp_path_factory.mktemp("bench"))
    try:
        yield Up(group, api_keys=f"default:{KEY}").start()
    finally:
        group.end()


def bench(url: str, *options: str, key: str | None = KEY) -> Result:
    """What the command prints, and its exit status."""
    return CliRunner(env={"SLUICE_API_KEY": key}).invoke(main, ["bench", url, *options])


def create_status(url: str, key: str) -> int:
    """What the server answers to a create with this key and an empty body."""
    return httpx.post(f"{url}/log-request", headers={"X-API-KEY": key}, json={}).status_code


def test_every_log_of_a_mixed_load_is_kept(sluice: Up, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = bench(sluice.url, "--requests", "400", "--concurrency", "16", "--size", "2.2k,20k", "--json", str(report))
    assert done.exit_code == 0, done.output
    assert "0 missing, 0 wrong, 0 unreadable" in done.output

    found = json.loads(report.read_bytes())
    assert found["run"] in done.output
    assert sum(operation["requests"] for operation in found["operations"].values()) == 400
    # A server that is slower than its own bound for reading one's writes says so; a slow machine is no defect.
    reasons = {reason for operation in found["operations"].values() for reason in operation["failures"]}
    assert reasons <= {"503 not_yet_queryable"}
    assert {name.split()[0] for name in found["operations"]} == {"create", "patch", "get"}
    created = sum(operation["ok"] for name, operation in found["operations"].items() if name.startswith("create"))
    assert found["ledger"]["kept"]
    assert found["ledger"]["found"] == found["ledger"]["acknowledged"] == created
    assert KEY not in done.output
    assert KEY not in report.read_text()


@pytest.mark.parametrize(
    "options",
    [["--api", "promptlayer", "--duration", "300ms"], ["--api", "humanloop", "--requests", "60", "--rate", "200"]],
)
def test_one_api_for_a_time_or_at_a_rate(sluice: Up, options: list[str]) -> None:
    done = bench(sluice.url, "--concurrency", "4", *options)
    assert done.exit_code == 0, done.output
    assert "0 missing" in done.output


def test_many_logs_in_a_request(sluice: Up) -> None:
    done = bench(sluice.url, "--requests", "5", "--bulk", "40", "--mix", "create=1")
    assert done.exit_code == 0, done.output
    assert "200 logs acknowledged" in done.output
    assert "200 read back as sent" in done.output


def test_a_wrong_key_is_one_line(sluice: Up) -> None:
    done = bench(sluice.url, key="another-key-12345")
    assert done.exit_code == 1
    assert "401" in done.output
    assert "--api-key" in done.output
    assert done.output.count("\n") == 1
    assert "another-key-12345" not in done.output


def test_a_key_that_may_not_read_is_one_line(sluice: Up) -> None:
    key = sluice.run("keys", "create", "--workspace", "half", "--scopes", "ingest").split()[-1]
    wait_until(lambda: create_status(sluice.url, key) != 401, "the server to have read of the key", 30)
    done = bench(sluice.url, key=key)
    assert done.exit_code == 1
    assert "403" in done.output
    assert "scopes ingest and read" in done.output
    assert done.output.count("\n") == 1


def test_no_key_is_one_line(sluice: Up) -> None:
    done = bench(sluice.url, key=None)
    assert done.exit_code == 1
    assert done.output == "Error: give a key with --api-key or SLUICE_API_KEY\n"


def test_a_dead_server_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = bench(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert done.exit_code == 1
    assert "connection refused; is Sluice running there?" in done.output
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--size", "100"], "a body has at least"),
        (["--size", "small"], "'small' is not a size"),
        (["--duration", "soon"], "'soon' is not a duration"),
        (["--mix", "get=1"], "a mix needs creates"),
        (["--mix", "create=1,patch=1", "--api", "promptlayer"], "has no patch"),
    ],
)
def test_wrong_options_are_explained(options: list[str], complaint: str) -> None:
    done = bench("http://127.0.0.1:1", *options)
    assert done.exit_code == 2
    assert complaint in done.output


def test_ctrl_c_ends_the_load_and_what_was_acknowledged_is_checked(sluice: Up, tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    command = [sys.executable, "-m", "services", "bench", sluice.url, "--api-key", KEY, "--duration", "1h"]
    with printed.open("wb") as file:
        running = subprocess.Popen(
            [*command, "--rate", "50"], env=sluice.environment(), stdout=file, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: "bench run" in printed.read_text(), "the load to begin", 60)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) in (0, 1)
    finally:
        running.kill()
        running.wait()
    assert "ledger check" in printed.read_text()
