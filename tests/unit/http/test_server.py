"""Real processes on real ports: start, drain, exit status, workers, and clients that misbehave."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
BODY_LIMIT = 1 << 20
PATIENCE_S = 30.0


class Sample:
    """A sample process: its URL, and what it wrote to stderr once it has ended."""

    def __init__(self, directory: Path, workers: int, port: int = 0, **environment: str) -> None:
        self.directory = directory
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.unit.http.sample", str(workers), str(port)],
                cwd=ROOT,
                env=os.environ | {"SAMPLE_DIRECTORY": str(directory)} | environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        self.url = self.process.stdout.readline().strip() if readable else ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def errors(self) -> str:
        return self.log.read_text()


@contextlib.contextmanager
def running(directory: Path, workers: int = 1, port: int = 0, **environment: str) -> Iterator[Sample]:
    sample = Sample(directory, workers, port, **environment)
    try:
        yield sample
    finally:
        sample.process.kill()
        sample.process.wait()
        assert sample.process.stdout is not None
        sample.process.stdout.close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    with running(tmp_path_factory.mktemp("sample")) as sample:
        yield sample
        assert sample.stop() == 0
        assert "Traceback" not in sample.errors()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 40 * BODY_LIMIT])
def test_a_client_that_sends_too_much_reads_the_answer(sample: Sample, size: int, *, chunked: bool) -> None:
    block = b"a" * 65_536
    body: Any = (block for _ in range(size // len(block) + 1)) if chunked else b"a" * size
    response = requests.post(sample.url + "/log-request", data=body, timeout=PATIENCE_S)
    assert response.status_code == 413
    assert response.json()["error"] == "too_large"


def test_the_connection_is_not_reset_while_too_much_is_sent(sample: Sample) -> None:
    size = 16 * BODY_LIMIT
    with socket.create_connection(("127.0.0.1", sample.port), PATIENCE_S) as connection:
        connection.sendall(b"POST /log-request HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
        connection.sendall(b"a" * size)
        assert b"HTTP/1.1 413" in read_answer(connection)
        assert connection.recv(1) == b""


def test_answers_that_leave_a_body_unread_keep_the_connection(sample: Sample) -> None:
    with socket.create_connection(("127.0.0.1", sample.port), PATIENCE_S) as connection:
        for _ in range(3):
            connection.sendall(b"POST /nope HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\n\r\n" + b"a" * 300_000)
            assert b"HTTP/1.1 404" in read_answer(connection)
        connection.sendall(b"POST /log-request HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
        assert b"HTTP/1.1 201" in read_answer(connection)


def test_requests_sent_at_once_are_answered_in_order(sample: Sample) -> None:
    head = b"HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    sized = b"POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc"
    chunked = b"POST /length HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sample.port), PATIENCE_S) as connection:
        connection.sendall(sized + chunked + head + sized + last)
        received = b""
        while data := connection.recv(65_536):
            received += data
    first, second, none, third, closing = received.split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in (first, second, none, third, closing)] == [b"200"] * 5
    lengths = [json.loads(answer.partition(b"\r\n\r\n")[2])["length"] for answer in (first, second, third)]
    assert lengths == [3, 2, 3]
    assert none.endswith(b"\r\n\r\n")
    assert b"connection: close" in closing


def test_bytes_that_are_not_http_get_json(sample: Sample) -> None:
    with socket.create_connection(("127.0.0.1", sample.port), PATIENCE_S) as connection:
        connection.sendall(b"garbage\r\n\r\n")
        head, _, body = read_answer(connection).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        assert json.loads(body)["success"] is False


def test_endless_headers_are_refused(sample: Sample) -> None:
    with socket.create_connection(("127.0.0.1", sample.port), PATIENCE_S) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nlong: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                connection.sendall(b"a" * 65_536)
        head, _, body = read_answer(connection).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 431")
        assert json.loads(body)["error"] == "head_too_large"


def test_a_stalled_body_is_refused_and_the_connection_closed(sample: Sample) -> None:
    with socket.create_connection(("127.0.0.1", sample.port), PATIENCE_S) as connection:
        connection.sendall(
            b"POST /log-request HTTP/1.1\r\nexpect: 100-continue\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
        )
        answer = b""
        while data := connection.recv(65_536):
            answer += data
        assert answer.startswith(b"HTTP/1.1 100 Continue")
        assert b"HTTP/1.1 400" in answer


def test_a_client_that_hangs_up_leaves_nothing_behind(sample: Sample) -> None:
    with socket.create_connection(("127.0.0.1", sample.port), PATIENCE_S) as connection:
        connection.sendall(b"POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc")
        wait_until(lambda: metric(sample, "sluice_http_admitted_bytes") == 1000)
    wait_until(lambda: metric(sample, "sluice_http_admitted_bytes") == 0)


def read_answer(connection: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        data = connection.recv(65_536)
        answer, body = answer + data, body + data
    return answer


def connect(sample: Sample) -> socket.socket:
    return socket.create_connection(("127.0.0.1", sample.port), PATIENCE_S)


def metric(sample: Sample, name: str, labels: str = "") -> float:
    lines = httpx.get(sample.url + "/metrics", timeout=PATIENCE_S).text.splitlines()
    values = [line.rpartition(" ")[2] for line in lines if line.startswith(name + labels)]
    return float(values[0]) if values else 0.0


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_what_is_in_flight_and_exits_0(tmp_path: Path, workers: int, number: signal.Signals) -> None:
    with running(tmp_path, workers) as sample, ThreadPoolExecutor() as pool:
        wait_until(lambda: len(workers_seen(sample)) == workers)
        answer = pool.submit(httpx.get, sample.url + "/slow?seconds=1", timeout=PATIENCE_S)
        wait_until((tmp_path / "slow-began").exists)
        assert sample.stop(number) == 0
        assert answer.result().json() == {"slept": True}
        assert len(list(tmp_path.glob("stopped-*"))) == workers
        assert sample.errors() == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_before_it_drains_a_process_is_not_ready_and_still_serves(tmp_path: Path, workers: int) -> None:
    with running(tmp_path, workers, SAMPLE_DRAIN_DELAY_S="1.5") as sample:
        assert httpx.get(sample.url + "/readyz").status_code == 200
        sample.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(sample.url + "/readyz").status_code == 503)
        assert httpx.post(sample.url + "/log-request", content=b"{}").status_code == 201
        assert sample.process.wait(PATIENCE_S) == 0


def test_while_it_drains_answers_end_their_connections(tmp_path: Path) -> None:
    """So that no client sends its next request just when the connection is closed."""
    with (
        running(tmp_path, SAMPLE_DRAIN_DELAY_S="1.5") as sample,
        httpx.Client(base_url=sample.url) as client,
        ThreadPoolExecutor() as pool,
    ):
        before = client.post("/log-request", content=b"{}")
        assert "connection" not in before.headers
        began_before = pool.submit(httpx.get, sample.url + "/slow?seconds=1", timeout=PATIENCE_S)
        wait_until((tmp_path / "slow-began").exists)
        sample.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(sample.url + "/readyz").status_code == 503)
        while_draining = client.post("/log-request", content=b"{}")
        assert (while_draining.status_code, while_draining.headers["connection"]) == (201, "close")
        assert began_before.result().headers["connection"] == "close"
        assert sample.process.wait(PATIENCE_S) == 0


def test_what_was_sent_before_the_end_of_the_drain_is_answered(tmp_path: Path) -> None:
    """Also when the process had no time to look: it is busy when clients connect, until the drain is over."""
    with running(tmp_path, SAMPLE_DRAIN_DELAY_S="1") as sample, contextlib.ExitStack() as stack:
        busy = stack.enter_context(connect(sample))
        connections = [stack.enter_context(connect(sample)) for _ in range(20)]
        sample.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(sample.url + "/readyz").status_code == 503)
        busy.sendall(b"GET /block?seconds=2 HTTP/1.1\r\nhost: x\r\n\r\n")
        wait_until((tmp_path / "block-began").exists)
        connections += [stack.enter_context(connect(sample)) for _ in range(20)]
        for connection in connections:
            connection.sendall(b"POST /log-request HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
        answers = [read_answer(connection) for connection in connections]
        assert [b"HTTP/1.1 201" in answer and b"connection: close" in answer for answer in answers] == [True] * 40
        assert sample.process.wait(PATIENCE_S) == 0


def test_a_request_that_outlasts_the_drain_gets_an_answer(tmp_path: Path) -> None:
    with running(tmp_path, SAMPLE_GRACEFUL_S="1") as sample, ThreadPoolExecutor() as pool:
        answer = pool.submit(httpx.get, sample.url + "/slow?seconds=60", timeout=PATIENCE_S)
        wait_until((tmp_path / "slow-began").exists)
        assert sample.stop() == 0
        assert answer.result().status_code == 503
        assert answer.result().json()["error"] == "shutting_down"
        assert "Traceback" not in sample.errors()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failed_start_is_one_line_and_status_1(tmp_path: Path, workers: int) -> None:
    with running(tmp_path, workers, SAMPLE_FAILS_TO_START="1") as sample:
        assert sample.url == ""
        assert sample.process.wait(PATIENCE_S) == 1
        assert "the sample was told not to start" in sample.errors()
        assert "Traceback" not in sample.errors()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_one_line_and_status_1(tmp_path: Path, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(tmp_path, workers, port) as sample:
            assert sample.process.wait(PATIENCE_S) == 1
            assert sample.errors().count("\n") == 1
            assert f"port {port}: Address already in use" in sample.errors()


def test_a_part_that_can_not_go_on_stops_the_process_with_status_1(tmp_path: Path) -> None:
    with running(tmp_path) as sample:
        assert httpx.get(sample.url + "/fail").status_code == 200
        assert sample.process.wait(PATIENCE_S) == 1
        assert "a part of the process can't go on" in sample.errors()


def test_a_dead_worker_is_replaced_and_metrics_are_those_of_all(tmp_path: Path) -> None:
    with running(tmp_path, 2) as sample:
        wait_until(lambda: len(workers_seen(sample)) == 2)
        requests_before = metric(sample, "sluice_http_requests_total", '{method="POST",route="/length",status="200"}')
        assert requests_before >= 2
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(sample.url + "/die")
        wait_until(lambda: "starting another" in sample.errors())
        wait_until(lambda: len(workers_seen(sample)) == 2)
        assert metric(sample, "sluice_http_requests_total", '{method="POST",route="/length"') > requests_before
        assert metric(sample, "sluice_http_admitted_bytes") == 0
        assert sample.stop() == 0


def workers_seen(sample: Sample) -> set[int]:
    with contextlib.suppress(httpx.TransportError):
        answers = [httpx.post(sample.url + "/length", content=b"abc", timeout=PATIENCE_S) for _ in range(20)]
        return {answer.json()["process"] for answer in answers}
    return set()


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    with running(tmp_path, 2) as sample:
        wait_until(lambda: len(workers_seen(sample)) == 2)
        sample.process.kill()
        wait_until(lambda: len(list(tmp_path.glob("stopped-*"))) == 2)
