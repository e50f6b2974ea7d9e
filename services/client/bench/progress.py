"""How far a long piece of work has come: a line on a terminal, nothing elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_REDRAW_S: Final = 0.25


@contextlib.asynccontextmanager
async def shown(label: str, length: int, position: Callable[[], tuple[int, str]]) -> AsyncIterator[None]:
    """Show a bar on standard error while the body runs. `position` tells how much of `length` is done, and a remark."""
    if not sys.stderr.isatty():
        yield
        return
    with click.progressbar(
        length=length, label=label, item_show_func=lambda remark: remark, file=sys.stderr, show_eta=False
    ) as bar:

        def draw() -> None:
            done, remark = position()
            bar.update(min(done, length) - bar.pos, remark)

        async def keep_drawing() -> None:
            while True:
                draw()
                await asyncio.sleep(_REDRAW_S)

        drawing = asyncio.create_task(keep_drawing())
        try:
            yield
        finally:
            drawing.cancel()
            draw()
