"""All measures, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.measures.bulk import BULK
from tests.bench.measures.cost import COST
from tests.bench.measures.disk import DISK
from tests.bench.measures.gateway import GATEWAY
from tests.bench.measures.patch import PATCH
from tests.bench.measures.reads import READ
from tests.bench.measures.up import UP
from tests.bench.measures.visible import VISIBLE
from tests.bench.measures.writer import WRITER

if TYPE_CHECKING:
    from tests.bench.bench import Measure

MEASURES: Final[tuple[Measure, ...]] = (GATEWAY, BULK, UP, WRITER, VISIBLE, PATCH, READ, DISK, COST)


def named(name: str) -> list[Measure]:
    """The measure of this name, else those that have it in their names or in those of their figures."""
    return [m for m in MEASURES if m.name == name] or [m for m in MEASURES if m.is_called(name)]
