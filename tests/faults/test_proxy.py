"""The fault proxy does what the scenarios believe it does."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.proxy import Proxy
from tests.support.kafka_broker import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that sends everything back."""

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(1 << 16):
                    connection.sendall(data)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo_port: int) -> Iterator[Proxy]:
    proxy = Proxy(echo_port).start()
    yield proxy
    proxy.close()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def echo(connection: socket.socket, data: bytes) -> float:
    """Seconds until all of it came back."""
    started = time.monotonic()
    connection.sendall(data)
    received = b""
    while len(received) < len(data):
        piece = connection.recv(1 << 16)
        assert piece, "the connection ended"
        received += piece
    assert received == data
    return time.monotonic() - started


def test_it_forwards_and_ends_with_its_client(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        echo(connection, b"x" * 1_000_000)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_latency_is_added_each_way(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        proxy.latency_s = 0.2
        assert echo(connection, b"x") >= 0.4
        proxy.clear()
        assert echo(connection, b"x") < 0.4


def test_bandwidth_is_limited(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        proxy.bytes_per_s = 100_000
        assert echo(connection, b"x" * 50_000) >= 0.5


def test_a_black_hole_takes_connections_and_holds_everything_back(proxy: Proxy) -> None:
    with connect(proxy) as before:
        echo(before, b"x")
        proxy.black_hole()
        with connect(proxy) as after:
            for connection in (before, after):
                connection.sendall(b"held")
                connection.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                connection.settimeout(10)
            proxy.clear()
            assert before.recv(4, socket.MSG_WAITALL) == after.recv(4, socket.MSG_WAITALL) == b"held"


def test_a_reset_tears_down_open_connections_alone(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        echo(connection, b"x")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with connect(proxy) as connection:
        echo(connection, b"x")


def test_it_can_stop_listening(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        echo(connection, b"x")
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.accept()
    with connect(proxy) as connection:
        echo(connection, b"x")


def test_a_target_that_does_not_listen_ends_the_connection() -> None:
    proxy = Proxy(free_port()).start()
    try:
        # The reset may arrive before the connection is seen to be made.
        with pytest.raises(ConnectionResetError), connect(proxy) as connection:
            connection.recv(1)
    finally:
        proxy.close()
