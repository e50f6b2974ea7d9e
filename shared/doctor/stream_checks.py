"""Checks of the stream: its topics, its dead letters, and how far the writers are behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.doctor.findings import duration, ok, problem, size, some, warning
from shared.stream.base import DEAD_LETTERS_TOPIC, LOGS_TOPIC, WRITER_GROUP
from shared.stream.reading import record_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.doctor.advice import Advice
    from shared.doctor.findings import Finding
    from shared.stream.base import Stream, TopicInfo

_DAY_MS: Final = 86_400_000

BEHIND_S: Final = 60.0
"""An age of the oldest unstored record that a working writer never reaches."""

_LOOKED_AT: Final = 16
"""Partitions of which the oldest unstored record is read; to read one costs a connection."""


async def check_topics(stream: Stream, advice: Advice) -> list[Finding]:
    """What each topic promises about a record that was acknowledged, and how long it is kept.

    Time stamps, partition counts and the retention of the other topics were checked when the stream was started.
    """
    topics = stream.topics()
    if not advice.is_kafka:
        logs = topics[LOGS_TOPIC]
        return [ok("topics", f"{logs.partitions} partitions; every append is synced to disk; {_kept(logs)}")]
    findings = []
    for topic in topics.values():
        weaknesses = _weaknesses(topic, advice)
        findings += weaknesses or [
            ok(
                "topics",
                f"{topic.name}: {topic.partitions} partitions, {topic.replication_factor} replicas of which "
                f"{topic.min_insync_replicas} acknowledge, stamped with the broker's time, {_kept(topic)}",
            )
        ]
    logs = topics[LOGS_TOPIC]
    if logs.retention_ms is not None and logs.retention_ms < _DAY_MS:
        text = (
            f"{logs.name}: {_kept(logs)}: logs that the store can't take for that long are lost; keep them for days: "
        )
        findings.append(warning("retention", text + advice.topic_setting(logs.name, f"retention.ms={7 * _DAY_MS}")))
    return findings


def _weaknesses(topic: TopicInfo, advice: Advice) -> list[Finding]:
    replicas, needed = topic.replication_factor, topic.min_insync_replicas
    if needed > replicas:
        text = f"{topic.name}: min.insync.replicas is {needed}, with {replicas} replicas: nothing can be appended; "
        return [
            problem("topics", text + advice.topic_setting(topic.name, f"min.insync.replicas={max(1, replicas - 1)}"))
        ]
    if replicas == 1:
        return [
            warning(
                "topics",
                f"{topic.name}: 1 replica: what is acknowledged is on one broker, and lost with its disk; use 3 "
                "brokers and 3 replicas (kafka-reassign-partitions.sh, or ?replication=3 before topics are made)",
            )
        ]
    if needed == 1:
        text = (
            f"{topic.name}: min.insync.replicas is 1: what is acknowledged may be on one broker, and lost with its "
            "disk; "
        )
        return [warning("topics", text + advice.topic_setting(topic.name, "min.insync.replicas=2"))]
    if needed == replicas:
        return [
            warning(
                "topics",
                f"{topic.name}: min.insync.replicas is {needed}, of {replicas} replicas: nothing can be appended while "
                "one broker is down; use one replica more",
            )
        ]
    return []


def _kept(topic: TopicInfo) -> str:
    bounds = []
    if topic.retention_ms is not None:
        bounds.append(f"for {duration(topic.retention_ms / 1000)}")
    if topic.retention_bytes is not None:
        bounds.append(f"up to {size(topic.retention_bytes)}")
    return "kept " + (" or ".join(bounds) or "for ever")


async def check_dead_letters(stream: Stream) -> list[Finding]:
    """Whether there are any. Raises StreamUnavailable."""
    starts, ends = await stream.start_offsets(DEAD_LETTERS_TOPIC), await stream.end_offsets(DEAD_LETTERS_TOPIC)
    count = sum(end - starts[partition] for partition, end in ends.items())
    if count == 0:
        return [ok("dead letters", "none")]
    text = (
        f"{count:,} records could not be stored and are kept: `sluice dead-letters list` says why, `replay` tries again"
    )
    return [warning("dead letters", text, dead_letters=count)]


async def check_writers(stream: Stream, advice: Advice, now_ms: int) -> list[Finding]:
    """Where the writers are in each partition: behind, and whether what they need next is still there.

    Raises StreamUnavailable.
    """
    committed = await stream.committed(LOGS_TOPIC, WRITER_GROUP)
    starts, ends = await stream.start_offsets(LOGS_TOPIC), await stream.end_offsets(LOGS_TOPIC)
    lost = {p: starts[p] for p, offset in committed.items() if 0 < offset < starts[p]}
    ahead = {p: ends[p] for p, offset in committed.items() if offset > ends[p]}
    findings = []
    if lost:
        places = some(f"{starts[p] - committed[p]:,} of partition {p}" for p in lost)
        findings.append(
            problem(
                "writers",
                f"records were deleted by the topic's retention before they were stored: {places}. They are gone; to "
                f"go on with what is there, {advice.read_again(lost)}. Then give the topic a longer retention",
            )
        )
    if ahead:
        places = some(f"partition {p} ends at {ends[p]}, committed is {committed[p]}" for p in ahead)
        findings.append(
            problem(
                "writers",
                f"the stream ends before what the writers have read: {places}. The topic was made again, or lost "
                "records: raise SLUICE_STREAM_EPOCH by one on every role, and "
                f"{advice.read_again(dict.fromkeys(ahead, 0))}",
            )
        )
    behind = {p: max(offset, starts[p]) for p, offset in committed.items() if max(offset, starts[p]) < ends[p]}
    return findings or [await _lag(stream, behind, ends, now_ms)]


async def _lag(stream: Stream, behind: Mapping[int, int], ends: Mapping[int, int], now_ms: int) -> Finding:
    count = sum(ends[p] - offset for p, offset in behind.items())
    if not count:
        return ok("writers", f"everything is applied, {sum(ends.values()):,} records in all", behind=0)
    most = sorted(behind, key=lambda p: behind[p] - ends[p])[:_LOOKED_AT]
    oldest = [record for p in most if (record := await record_at(stream, LOGS_TOPIC, p, behind[p])) is not None]
    age_s = max([0, *(now_ms - record.timestamp_ms for record in oldest)]) / 1000
    where = some(f"{p} ({ends[p] - behind[p]:,})" for p in most)
    text = f"{count:,} records are not applied yet, the oldest is {duration(age_s)} old; by partition: {where}"
    details = {"behind": count, "oldest_age_s": age_s}
    if age_s < BEHIND_S:
        return ok("writers", text, **details)
    return warning("writers", f"{text}. Start a writer; if one runs, its log says what it waits for", **details)
