"""Node.js packages for tests: each in a folder of its own under `tests/sdk/js`, installed once."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.api import DEFAULT_KEY
from tests.support.not_tested import PREFIX

if TYPE_CHECKING:
    from tests.support.api import Api, Json

FOLDERS: Final = Path(__file__).parents[1] / "sdk" / "js"
INSTALL_TIMEOUT_S: Final = 300


def installed_package(package: str) -> Path:
    """The folder in which scripts can import the package, and what its package.json names beside it, at these versions.

    Installs them when they are not there. Skips the test, as not tested, where there is no Node.js or npm can't get it.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip(f"{PREFIX} the JavaScript client of {package}. Install Node.js 20 or later, with npm")
    folder = FOLDERS / package
    wanted: dict[str, str] = json.loads((folder / "package.json").read_text())["dependencies"]
    with (folder / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # tests run in several processes
        problem = None if _is_installed(folder, wanted) else _install(npm, folder)
    if not _is_installed(folder, wanted):
        pytest.skip(f"{PREFIX} the JavaScript client of {package}. npm could not install it: {problem}")
    return folder


def _install(npm: str, folder: Path) -> str:
    """The end of what npm says about it."""
    install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    return done.stderr[-300:]


def run(api: Api, package: str, script: str, **environment: str) -> Json:
    """What a script of the package's folder prints last, when it talks to this server. Fails when the script does."""
    folder = installed_package(package)
    done = subprocess.run(
        ["node", script],
        cwd=folder,
        env=os.environ | {"SLUICE_URL": api.url, "SLUICE_KEY": DEFAULT_KEY} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed: Json = json.loads(done.stdout.splitlines()[-1])
    return printed


def _is_installed(folder: Path, wanted: dict[str, str]) -> bool:
    return all(_installed_version(folder, package) == version for package, version in wanted.items())


def _installed_version(folder: Path, package: str) -> str | None:
    manifest = folder / "node_modules" / package / "package.json"
    return str(json.loads(manifest.read_text())["version"]) if manifest.exists() else None
