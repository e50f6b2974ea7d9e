"""One header of a request. Starlette's mapping costs more than all else that a create does with its headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request


def header(request: Request, name: bytes) -> str | None:
    """The first header of this name, which is in lower case; None without one."""
    for known, value in request.scope["headers"]:
        if known == name:
            text: str = value.decode("latin-1")
            return text
    return None
