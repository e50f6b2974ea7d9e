"""All measures, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.measures.writer import WRITER

if TYPE_CHECKING:
    from tests.bench.bench import Measure

MEASURES: Final[tuple[Measure, ...]] = (WRITER,)
