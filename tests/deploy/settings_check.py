"""Whether the program takes the settings and arguments that a container is given: both go through its own code."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest.mock import patch

import click

from services.__main__ import main
from shared import settings_secrets
from shared.errors import SluiceError
from shared.settings import Settings
from shared.settings_rules import unknown_variables
from shared.store.factory import open_store
from shared.stream.factory import StreamOptions, open_stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def complaints_of(args: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """What the program would say against `sluice ARGS` in this environment. Connects to nothing."""
    return [*argument_complaints(args), *_of_environment(environment)]


def argument_complaints(args: Sequence[str]) -> list[str]:
    """What the program would say against its command line alone."""
    command: click.Command | None = main
    left = list(args)
    while isinstance(command, click.Group):
        if not left:
            return ["no command"]
        name = left.pop(0)
        command = command.get_command(click.Context(command), name)
        if command is None:
            return [f"no such command: {name}"]
    assert command is not None
    try:
        command.make_context(str(command.name), left)
    except click.UsageError as error:
        return [error.format_message()]
    return []


def _of_environment(environment: Mapping[str, str]) -> list[str]:
    ours = {name: value for name, value in environment.items() if name.startswith("SLUICE_")}
    complaints = unknown_variables(ours, (*Settings.model_fields, *settings_secrets.NAMES))
    with patch.dict(os.environ, ours, clear=True):
        try:
            settings = Settings.load()
            open_stream(settings.stream, StreamOptions("tests"))
            open_store(settings.store)
        except SluiceError as error:
            complaints.append(str(error))
    return complaints
