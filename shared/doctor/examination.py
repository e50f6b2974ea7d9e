"""The whole examination: every check that can be made, whatever the state of the rest."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from shared.auth import StaticKeys
from shared.backends import stream_options
from shared.doctor.advice import Advice
from shared.doctor.conservation_check import check_conservation
from shared.doctor.findings import Level, ok, problem, warning
from shared.doctor.registry_checks import check_registry
from shared.doctor.store_checks import check_disks, check_engine, check_epoch, check_migrations
from shared.doctor.stream_checks import check_dead_letters, check_topics, check_writers
from shared.errors import Misconfigured, SluiceError, StoreInUse, Unavailable
from shared.settings_rules import key_texts
from shared.store.factory import open_store
from shared.stream.factory import open_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from shared.doctor.conservation_check import Progress
    from shared.doctor.findings import Finding
    from shared.settings import Settings

    Check = tuple[str, Callable[[], Awaitable[list[Finding]]]]


async def examine(settings: Settings, *, max_records: int, now_ms: int, progress: Progress) -> AsyncIterator[Finding]:
    """Every finding about the installation of these settings, as it is made. Changes nothing there.

    At most `max_records` of the newest records are read again. Raises Misconfigured for settings that can't be read.
    """
    StaticKeys.parse(settings.api_keys)
    stream = open_stream(settings.stream, replace(stream_options(settings, "doctor"), read_only=True))
    store = open_store(
        settings.store, timeout_s=settings.insert_timeout_s, create=False, cluster=settings.clickhouse_cluster
    )
    advice = Advice(settings.stream)
    on_stream: list[Check] = [
        ("topics", partial(check_topics, stream, advice)),
        ("dead letters", partial(check_dead_letters, stream)),
        ("writers", partial(check_writers, stream, advice, now_ms)),
        ("registry", partial(check_registry, stream, len(key_texts(settings.api_keys)), settings.versions_per_prompt)),
    ]
    on_store: list[Check] = [
        ("engine", partial(check_engine, store)),
        ("schema", partial(check_migrations, store)),
        ("disks", partial(check_disks, store)),
    ]
    on_both: list[Check] = [
        ("epoch", partial(check_epoch, stream, store, settings.stream_epoch)),
        (
            "conservation",
            partial(
                check_conservation,
                stream,
                store,
                advice,
                epoch=settings.stream_epoch,
                max_records=max_records,
                now_ms=now_ms,
                progress=progress,
            ),
        ),
    ]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(stream.stop)
        stack.push_async_callback(store.stop)
        reached = await _reach("stream", stream.start, settings.redacted()["stream"])
        yield reached
        stream_answers = reached.level is Level.OK
        for name, check in on_stream if stream_answers else []:
            for finding in await _made(name, check):
                yield finding
        reached = await _reach("store", store.start, settings.redacted()["store"])
        yield reached
        if reached.level is not Level.OK:
            return
        for name, check in on_store + (on_both if stream_answers else []):
            findings = await _made(name, check)
            for finding in findings:
                yield finding
            if name == "schema" and findings[0].level is Level.PROBLEM:
                return  # nothing else can be asked


async def _reach(check: str, start: Callable[[], Awaitable[None]], url: str) -> Finding:
    try:
        await start()
    except StoreInUse as error:
        return warning(
            check,
            f"{error}. A directory has one process, so beside it only the stream can be looked at: stop it and run "
            "`sluice doctor` again. A ClickHouse server can be looked at any time",
        )
    except SluiceError as error:
        return problem(check, f"{url}: {error}")
    return ok(check, f"{url} answers")


async def _made(name: str, check: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        return await check()
    except (Unavailable, Misconfigured) as error:
        return [problem(name, str(error))]
    except SluiceError as error:
        return [problem(name, f"can't be checked: {error}")]
