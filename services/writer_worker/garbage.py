"""How often Python looks for reference cycles in a process that writes.

A batch is some hundred thousand objects, none of them in a cycle. By default the collector looks at the youngest after
every 700 new ones, and at all of them again and again while a batch grows: a third of the writer's time in Python.
"""

from __future__ import annotations

import gc
from typing import Final

NEW_OBJECTS: Final = 100_000
"""Objects made and not freed between two looks; what lies in cycles meanwhile is some 10 MB."""


def collect_seldom() -> None:
    """Leave what is loaded already out of all collections, and collect after `NEW_OBJECTS`. For the whole process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 10, 10)
