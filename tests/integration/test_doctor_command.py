"""`sluice doctor` as an operator runs it: beside a running `sluice up`, on its data, and on Kafka and ClickHouse."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.support.kafka_broker import libraries
from tests.support.processes import Gateway, Migrate, Process, Up, Writer, wait_until
from tests.support.store_rows import store_execute

if TYPE_CHECKING:
    from tests.support.kafka_broker import KafkaBroker
    from tests.support.processes import Processes

KEY = "default-key-1"
API_KEYS = f"default:{KEY}"
PROMPT_LOG = {"path": "a/b", "messages": [{"role": "user", "content": "Hello"}], "output": "Hi"}


def send(gateway: Process, count: int) -> None:
    """Log so many."""
    with httpx.Client(base_url=gateway.url, headers={"x-api-key": KEY}, timeout=30) as client:
        assert {client.post("/v5/prompts/log", json=PROMPT_LOG).status_code for _ in range(count)} == {200}


def doctor(process: Process, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it with the settings of a process, in its directory."""
    return subprocess.run(
        [sys.executable, "-m", "services", "doctor", *options],
        cwd=process.directory,
        env=process.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def levels(process: Process) -> dict[str, tuple[str, str]]:
    """(level, text) of the worst finding of each check."""
    done = doctor(process, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == (report["status"] == "problem")
    found: dict[str, tuple[str, str]] = {}
    for finding in sorted(report["findings"], key=lambda finding: ["ok", "warning", "problem"].index(finding["level"])):
        found[finding["check"]] = (finding["level"], finding["text"])
    return found


def test_before_the_first_start_nothing_is_made(processes: Processes) -> None:
    up = Up(processes, api_keys=API_KEYS)
    done = doctor(up)
    assert done.returncode == 1
    assert re.fullmatch(
        r"problem  stream: .*there is no stream file .*\nproblem  store: .*there is no store .*\n", done.stdout
    )
    assert not (up.directory / "data").exists()


def test_beside_a_running_sluice_up_and_on_its_data(processes: Processes) -> None:
    up = Up(processes, api_keys=API_KEYS).start()
    send(up, 6)
    beside = doctor(up)
    assert (beside.returncode, beside.stderr) == (0, "")
    assert "\nok       writers: " in beside.stdout
    assert f"is in use by another process (pid: {up.pid})" in beside.stdout
    assert "so beside it only the stream can be looked at: stop it" in beside.stdout
    up.stop()
    healthy = doctor(up)
    assert (healthy.returncode, healthy.stderr) == (0, "")
    assert "conservation: none of 6 committed records is missing: 6 logs, 0 updates\n" in healthy.stdout
    assert {line.split()[0] for line in healthy.stdout.splitlines()} == {"ok"}
    store_execute(f"chdb:///{up.directory}/data/store", "TRUNCATE TABLE logs")
    broken = doctor(up)
    assert broken.returncode == 1
    assert re.search(
        r"^problem  conservation: 6 of 6 committed records are not in the store: log \d+ of workspace default "
        r"\(partition 0, offset 0\), .* and 1 more\. The stream still has them; to store them, stop Sluice, run `",
        broken.stdout,
        re.MULTILINE,
    )


def test_a_setting_that_is_wrong_is_one_line(processes: Processes) -> None:
    up = Up(processes, stream="carrier-pigeon://coop")
    done = doctor(up)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: SLUICE_STREAM has the scheme 'carrier-pigeon'")


def test_servers_that_are_down_are_two_problems(processes: Processes) -> None:
    gateway = Gateway(
        processes, stream="kafka://127.0.0.1:9", store="clickhouse://user:secret@127.0.0.1:9", api_keys=API_KEYS
    )
    found = levels(gateway)
    assert {check: level for check, (level, _) in found.items()} == {"stream": "problem", "store": "problem"}
    assert "secret" not in str(found)


async def test_on_kafka_and_clickhouse_while_they_run(
    processes: Processes, own_kafka: KafkaBroker, clickhouse_url: str
) -> None:
    settings = {
        "stream": f"kafka://{own_kafka.bootstrap}?partitions=2",
        "store": clickhouse_url,
        "api_keys": API_KEYS,
    }
    gateway, writer = Gateway(processes, **settings), Writer(processes, **settings)
    found = levels(gateway)
    assert found["stream"][0] == "problem"
    assert "has no topic sluice.dead-letters, sluice.logs, sluice.registry" in found["stream"][1]
    Migrate(processes, **settings).up()
    gateway.start()
    writer.start()
    send(gateway, 10)
    wait_until(lambda: "everything is applied" in levels(gateway)["writers"][1], "the writer", 30)

    found = levels(gateway)
    assert {check for check, (level, _) in found.items() if level != "ok"} == {"topics"}
    assert "1 replica: what is acknowledged is on one broker" in found["topics"][1]
    assert "none of 10 committed records is missing" in found["conservation"][1]

    writer.stop()
    send(gateway, 3)
    assert "3 records are not applied yet" in levels(gateway)["writers"][1]

    store_execute(clickhouse_url, "TRUNCATE TABLE log_payloads")
    found = levels(gateway)
    assert found["conservation"][0] == "problem"
    assert "body of log" in found["conservation"][1]
    follow_kafka_advice(found["conservation"][1])
    writer.start()
    wait_until(lambda: levels(gateway)["conservation"][0] == "ok", "what was missing to be stored again", 30)
    assert "none of 13 committed" in levels(gateway)["conservation"][1]

    await change_topic(own_kafka.bootstrap, "sluice.logs", {"message.timestamp.type": "CreateTime"})
    found = levels(gateway)
    assert found["stream"][0] == "problem"
    assert "Change it with: kafka-configs.sh" in found["stream"][1]
    assert "message.timestamp.type=LogAppendTime" in found["stream"][1]
    assert found["engine"][0] == "ok"  # the store is looked at all the same


def follow_kafka_advice(text: str) -> None:
    """Run the commands of a finding with Kafka's own tool."""
    commands = text.partition("run `")[2].partition("`")[0].split(" && ")
    assert len(commands) == 2
    for command in commands:
        name, *arguments = shlex.split(command)
        assert name == "kafka-consumer-groups.sh"
        tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
        done = subprocess.run(
            ["java", "-cp", f"{libraries()}/*", tool, *arguments], capture_output=True, text=True, check=False
        )
        assert "Error" not in done.stdout + done.stderr, done.stdout + done.stderr
        assert done.returncode == 0


async def change_topic(bootstrap: str, topic: str, settings: dict[str, Any]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
    finally:
        await admin.close()
