"""What a writer is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class WriterConfig:
    """Limits of a writer; see the settings of the same names."""

    epoch: int = 0
    flush_interval_s: float = 0.25
    batch_max_records: int = 12_000
    batch_max_bytes: int = 40 * 1024 * 1024
    cache_bytes: int = 64 * 1024 * 1024
    duplicate_window_s: float = 600.0
    duplicate_window_records: int = 100_000
    drain_timeout_s: float = 60.0


def config_of(settings: Settings) -> WriterConfig:
    """The writer's share of the settings."""
    return WriterConfig(
        epoch=settings.stream_epoch,
        flush_interval_s=settings.flush_interval_ms / 1000,
        batch_max_records=settings.batch_max_rows,
        batch_max_bytes=settings.batch_max_bytes,
        cache_bytes=settings.row_cache_bytes,
        duplicate_window_s=settings.duplicate_window_s,
        drain_timeout_s=settings.drain_timeout_s,
    )
