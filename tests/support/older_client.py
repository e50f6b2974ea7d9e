"""An older PromptLayer Python client, in a folder of its own beside the virtual environment; installed once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.not_tested import PREFIX

ROOT: Final = Path(__file__).parents[2]
REQUIREMENTS: Final = ROOT / "tests" / "sdk" / "older" / "requirements.txt"
FOLDER: Final = ROOT / "build" / "older-promptlayer"
INSTALL_TIMEOUT_S: Final = 300


def older_client() -> Path:
    """The folder that has the client of `REQUIREMENTS`, for a process with it in PYTHONPATH.

    Installs it when it is not there. Skips the test, as not tested, where pip can't get it.
    """
    wanted = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    if not _is_installed(wanted):
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(FOLDER)]
        done = subprocess.run(
            [*install, "-r", str(REQUIREMENTS)],
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
        if not _is_installed(wanted):
            pytest.skip(f"{PREFIX} the Python client {wanted[0]}. pip could not install it: {done.stderr[-300:]}")
    return FOLDER


def _is_installed(wanted: list[str]) -> bool:
    return all((FOLDER / f"{package.replace('==', '-')}.dist-info" / "METADATA").exists() for package in wanted)
