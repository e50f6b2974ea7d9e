"""deploy/Dockerfile: what can be known of an image without Docker.

Its instructions are linted and read; the build steps are run in a plain environment; the health check asks a server.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deploy.dockerfile import DOCKERFILE, build, environment, stages, values, words
from tests.deploy.objects import DEPLOY, ROOT
from tests.deploy.settings_check import complaints_of

if TYPE_CHECKING:
    from tests.support.api import Api

BUILD, IMAGE = stages(DOCKERFILE.read_text())
VERSION: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

IMPORT_EVERYTHING: Final = """
import importlib, pkgutil, services, shared
for package in (services, shared):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(services.__file__)
"""


def lint(text: str) -> list[str]:
    """What hadolint says against a Dockerfile."""
    command = [str(Path(sys.executable).parent / "hadolint"), "--no-color", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.splitlines() + done.stderr.splitlines()


def test_the_linter_has_no_complaint() -> None:
    assert lint(DOCKERFILE.read_text()) == []


@pytest.mark.parametrize(
    ("written", "mistaken"),
    [("FROM python:3.11-slim-bookworm\n", "FROM python\n"), ("WORKDIR /data", "WORKDIR data"), ("LABEL", "LABLE")],
)
def test_the_linter_can_complain(written: str, mistaken: str) -> None:
    assert lint(DOCKERFILE.read_text().replace(written, mistaken)) != []


def test_the_image_runs_without_root_and_builds_nothing() -> None:
    assert values(IMAGE, "USER") == ["10001:10001"]
    assert not any(tool in command for command in values(IMAGE, "RUN") for tool in ("pip", "apt", "gcc"))
    bases = {*values(BUILD, "FROM"), *values(IMAGE, "FROM")}
    assert bases == {"python:3.11-slim-bookworm AS build", "python:3.11-slim-bookworm"}


def test_the_image_says_what_it_is() -> None:
    (labels,) = values(IMAGE, "LABEL")
    assert re.findall(r"org\.opencontainers\.image\.(\w+)=", labels) == ["title", "description", "version", "revision"]
    assert values(IMAGE, "ARG")[0] == f"VERSION={VERSION}"


def test_all_that_run_the_image_name_this_version() -> None:
    base = yaml.safe_load((DEPLOY / "kustomize" / "base" / "kustomization.yaml").read_text())
    assert base["images"] == [{"name": "sluice", "newTag": VERSION}]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert compose["x-sluice"]["image"] == f"sluice:{VERSION}"


def test_it_starts_as_it_is() -> None:
    assert words(IMAGE, "ENTRYPOINT") == ["sluice"]
    assert complaints_of(words(IMAGE, "CMD"), environment(IMAGE)) == []


def test_the_health_check_asks_the_role(api: Api) -> None:
    _, *arguments = words(IMAGE, "HEALTHCHECK")

    def status(port: int) -> int:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | {"SLUICE_PORT": str(port)},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.returncode

    assert status(urlsplit(api.url).port or 0) == 0
    assert status(1) != 0


def test_its_build_steps_make_a_program_that_runs(tmp_path: Path) -> None:
    made = build(BUILD, tmp_path)
    (packages,) = made.glob("lib/python*/site-packages")
    installed = {path.name for path in packages.iterdir()}
    assert installed == {f"promptsluice-{VERSION}.dist-info", "libraries.pth", "services", "shared"}

    def output_of(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env={"SLUICE_DATA": "data"}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "Run the ingest gateway." in output_of(f"{made}/bin/sluice", "--help")
    assert str(packages) in output_of(f"{made}/bin/python", "-c", IMPORT_EVERYTHING)
    shipped = {path.name for path in packages.rglob("*.sql")}
    assert shipped == {path.name for path in (ROOT / "shared" / "store" / "migrations").glob("*.sql")}
    assert "not applied" in output_of(f"{made}/bin/sluice", "migrate", "status")
