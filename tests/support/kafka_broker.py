"""Apache Kafka brokers as processes on this machine: a JVM and the jars that Maven Central has.

`KafkaBroker` is one node of a KRaft cluster, which has one node unless it is told of others.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Mapping

KAFKA_VERSION: Final = "4.1.0"
START_TIMEOUT_S: Final = 180.0
STOP_TIMEOUT_S: Final = 20.0
_QUICK_START: Final = ("-XX:TieredStopAtLevel=1",)
"""Leaves out the compiler that takes most of a broker's first minute of processor time."""


_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice.test</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

_LOGGING: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %m (%c)%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""


class NotAvailable(Exception):
    """No broker can be started here; the text says what is missing."""


def libraries() -> Path:
    """The directory with Kafka's jars, fetched with Maven on the first use. Raises NotAvailable."""
    if shutil.which("java") is None:
        raise NotAvailable("no Java (java, 17 or newer) on the path")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice"
    found = cache / f"kafka-{KAFKA_VERSION}"
    if not found.is_dir():
        _fetch(cache, found)
    return found


def _fetch(cache: Path, target: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NotAvailable("no Maven (mvn) on the path to fetch Kafka with")
    work = cache / f"fetch-{uuid.uuid4().hex}"
    work.mkdir(parents=True)
    try:
        (work / "pom.xml").write_text(_POM)
        command = [maven, "-q", "-B", "-f", str(work / "pom.xml"), "dependency:copy-dependencies"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={work / 'libs'}"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NotAvailable(f"Maven could not fetch Kafka {KAFKA_VERSION}: {done.stdout[-500:]}")
        # Another run may have fetched at the same time: whoever comes second uses what the first one put there.
        if not target.is_dir():
            (work / "libs").rename(target)
    finally:
        shutil.rmtree(work)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_cluster_id() -> str:
    """An id as Kafka's storage tool makes them."""
    return base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


class KafkaBroker:
    """One node, broker and controller, with its data in `directory`. It keeps its ports over restarts.

    For a cluster give every node the same `cluster_id` and the same `voters` (controller ports by node id), its own
    among them. `settings` are added to `server.properties`.

    `advertised` are further listeners, by name, for clients behind a proxy: the broker listens on `listeners[name]` and
    tells the clients that come there the port given here.

    `secured` are further listeners: the security protocol of each, by its name, with a port in `listeners`. What they
    need (keys, mechanisms) is in `settings`; `scram` are users with their passwords, for SCRAM-SHA-256 and -512.

    `short_lived` is for one that a test soon kills: it starts in half the time, and is slower under full load.
    """

    def __init__(
        self,
        directory: Path,
        *,
        node_id: int = 1,
        voters: Mapping[int, int] | None = None,
        cluster_id: str | None = None,
        settings: Mapping[str, str] | None = None,
        heap: str = "512m",
        advertised: Mapping[str, int] | None = None,
        secured: Mapping[str, str] | None = None,
        scram: Mapping[str, str] | None = None,
        short_lived: bool = False,
    ) -> None:
        self.directory = directory
        self.node_id = node_id
        self.port = free_port()
        self.voters = dict(voters) if voters is not None else {node_id: free_port()}
        self.cluster_id = cluster_id or new_cluster_id()
        self._secured = dict(secured or {})
        self._scram = dict(scram or {})
        self.listeners = {name: free_port() for name in (*(advertised or {}), *self._secured)}
        self._advertised = {name: self.listeners[name] for name in self._secured} | dict(advertised or {})
        self._settings = dict(settings or {})
        self._options = [f"-Xmx{heap}", "-XX:+UseSerialGC", *(_QUICK_START if short_lived else ())]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Launch it and return when it answers. Raises RuntimeError with the end of its log when it does not."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the process, after formatting a new directory. All nodes of a cluster are launched, then waited for."""
        if not (self.directory / "data").exists():
            self._format()
        with (self.directory / "broker.log").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *self._java(*self._options),
                    "kafka.Kafka",
                    str(self.directory / "server.properties"),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
            )

    def wait_ready(self) -> None:
        """Return when the cluster counts this node among its brokers."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the Kafka broker did not start:\n{self.log()[-3000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Shut it down in order; when that takes too long, kill it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, for example to freeze the process and to let it go on."""
        if self._process is None:
            raise RuntimeError("the broker does not run")
        self._process.send_signal(number)

    def log(self) -> str:
        """What the process wrote."""
        path = self.directory / "broker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _format(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "log4j2.xml").write_text(_LOGGING)
        own_controller = self.voters[self.node_id]
        properties = {
            "process.roles": "broker,controller",
            "node.id": str(self.node_id),
            "listeners": _listeners({"PLAINTEXT": self.port, "CONTROLLER": own_controller, **self.listeners}),
            "advertised.listeners": _listeners({"PLAINTEXT": self.port, **self._advertised}),
            "listener.security.protocol.map": ",".join(
                f"{name}:{self._secured.get(name, 'PLAINTEXT')}"
                for name in ("PLAINTEXT", "CONTROLLER", *self.listeners)
            ),
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": ",".join(f"{node}@127.0.0.1:{port}" for node, port in self.voters.items()),
            "log.dirs": str(self.directory / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": str(min(3, len(self.voters))),
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": str(min(3, len(self.voters))),
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # A killed broker is missed soon, so that it may come back soon.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            "message.max.bytes": str(32 << 20),
            "log.cleaner.enable": "false",
            **self._settings,
        }
        path = self.directory / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        command = [
            *self._java(*_QUICK_START),
            "kafka.tools.StorageTool",
            "format",
            "-t",
            self.cluster_id,
            "-c",
            str(path),
            *(
                f"--add-scram={mechanism}=[name={user},password={password}]"
                for user, password in self._scram.items()
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            ),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"formatting Kafka's storage failed: {done.stdout}{done.stderr}")

    def _java(self, *options: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.directory / 'log4j2.xml'}"
        return ["java", *options, logging, "-cp", f"{libraries()}/*"]

    def _answers(self) -> bool:
        return self.node_id in answering_brokers(self.bootstrap)


def _listeners(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def answering_brokers(bootstrap: str) -> set[int]:
    """The ids of the brokers that a cluster says it has; empty when it does not answer."""
    with socket.socket() as probe:
        host, _, port = bootstrap.split(",")[0].rpartition(":")
        if probe.connect_ex((host, int(port))) != 0:
            return set()  # aiokafka would log an error for each attempt
    # In a thread of its own, since the caller may be inside an event loop.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, _brokers(bootstrap)).result()


async def _brokers(bootstrap: str) -> set[int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
    try:
        await admin.start()
        described = await admin.describe_cluster()
        return {broker["node_id"] for broker in described["brokers"]}
    except (KafkaError, OSError):
        return set()
    finally:
        await admin.close()
