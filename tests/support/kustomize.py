"""Kustomize, which makes the manifests under deploy/kustomize whole: built once with Go, and kept."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest

from tests.support.not_tested import PREFIX

VERSION: Final = "v5.7.1"
"""The newest that Go 1.26 builds."""

MODULE: Final = "sigs.k8s.io/kustomize/kustomize/v5"
BUILD_TIMEOUT_S: Final = 300


class NotAvailable(Exception):
    """There is no kustomize here; the text says what is missing."""


def kustomize() -> Path:
    """The program, built on the first use, which takes a minute. Raises NotAvailable."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice"
    found = cache / f"kustomize-{VERSION}"
    if not found.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "kustomize.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # whoever runs tests beside this one waits for the same program
            if not found.is_file():
                _build(cache, found)
    return found


def _build(cache: Path, target: Path) -> None:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise NotAvailable("no Go (go, 1.26 or later) on the path")
    with tempfile.TemporaryDirectory(dir=cache) as work:
        done = subprocess.run(
            [go, "install", f"{MODULE}@{VERSION}"],
            env=os.environ | {"GOBIN": work, "GOFLAGS": "-mod=mod"},
            cwd=work,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise NotAvailable(f"Go could not build kustomize {VERSION}: {done.stderr[-500:]}")
        (Path(work) / "kustomize").rename(target)


def build(directory: Path) -> str:
    """The manifests of an overlay as YAML. Skips the test, as not tested, where there is no kustomize."""
    try:
        program = kustomize()
    except NotAvailable as error:
        pytest.skip(f"{PREFIX} the manifests under deploy/kustomize. Install Go 1.26 or later: {error}")
    done = subprocess.run(
        [str(program), "build", str(directory)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
