"""Commands that mend things, for the stream that the settings name. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from shared.stream.base import LOGS_TOPIC, WRITER_GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping


class Advice:
    """What to type. Made of a `SLUICE_STREAM` URL that `open_stream` has taken."""

    def __init__(self, stream_url: str) -> None:
        parts = urlsplit(stream_url)
        self.is_kafka = parts.scheme == "kafka"
        self._where = parts.netloc if self.is_kafka else unquote(parts.path[1:])

    def topic_setting(self, topic: str, setting: str) -> str:
        """Change a setting of a Kafka topic."""
        return (
            f"kafka-configs.sh --bootstrap-server {self._where} --alter --entity-type topics --entity-name {topic} "
            f"--add-config {setting}"
        )

    def read_again(self, offsets: Mapping[int, int]) -> str:
        """Let the writers go on at these offsets, by partition. What is stored already stays as it is."""
        if self.is_kafka:
            commands = [
                f"kafka-consumer-groups.sh --bootstrap-server {self._where} --group {WRITER_GROUP} "
                f"--topic {LOGS_TOPIC}:{partition} --reset-offsets --to-offset {offset} --execute"
                for partition, offset in sorted(offsets.items())
            ]
            return "stop the writers, run `" + " && ".join(commands) + "`, and start them again"
        updates = " ".join(
            f"UPDATE committed SET next_offset = {offset} WHERE topic = '{LOGS_TOPIC}' "
            f"AND group_name = '{WRITER_GROUP}' AND partition = {partition};"
            for partition, offset in sorted(offsets.items())
        )
        return f'stop Sluice, run `sqlite3 {self._where} "{updates}"`, and start it again'
