"""The README's examples, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.javascript import installed_package
from tests.support.processes import Processes, Up

ROOT = Path(__file__).parents[2]
KEY = "readme-key-12345"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(language: str, mark: str) -> list[str]:
    """The code blocks of a language that contain a text."""
    found = _BLOCK.findall((ROOT / "README.md").read_text())
    return [code for block_language, code in found if block_language == language and mark in code]


@pytest.fixture
def environment(processes: Processes) -> dict[str, str]:
    """What the README asks to export, for a running Sluice."""
    sluice = Up(processes, api_keys=f"default:{KEY}").start()
    return os.environ | {"SLUICE_URL": sluice.url, "SLUICE_KEY": KEY}


def output_of(command: list[str], environment: dict[str, str], directory: Path) -> str:
    done = subprocess.run(
        command, env=environment, cwd=directory, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl(environment: dict[str, str], tmp_path: Path) -> None:
    (code,) = examples("sh", "$SLUICE_URL/log-request")
    read_back = output_of(["bash", "-euo", "pipefail", "-c", code], environment, tmp_path)
    assert '"text":"Hi!"' in read_back


def test_many_logs_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    (code,) = examples("sh", "sluice import")
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    imported, answered = output_of(["bash", "-euo", "pipefail", "-c", code], environment, tmp_path).splitlines()
    assert imported == "logs.ndjson: imported 2, rejected 0, duplicates 0"
    assert '"stored":2,"failed":0' in answered


def test_promptlayer_python(environment: dict[str, str], tmp_path: Path) -> None:
    (code,) = examples("python", "from promptlayer")
    assert int(output_of([sys.executable, "-c", code], environment, tmp_path)) > 0


def test_humanloop_python(environment: dict[str, str], tmp_path: Path) -> None:
    (code,) = examples("python", "from humanloop")
    assert output_of([sys.executable, "-c", code], environment, tmp_path) == "Hello, Ada!\n"


def test_opentelemetry_python(environment: dict[str, str], tmp_path: Path) -> None:
    (code,) = examples("python", "from opentelemetry")
    printed = output_of([sys.executable, "-c", code], environment, tmp_path)
    assert printed == "answer a customer is a span\nchat gpt-4o is a log\n"


@pytest.mark.parametrize(("package", "printed"), [("promptlayer", r"\d+\n"), ("humanloop", r"Hello, Ada!\n")])
def test_javascript(environment: dict[str, str], package: str, printed: str) -> None:
    (code,) = examples("js", f'from "{package}"')
    directory = installed_package(package)
    example = directory / "node_modules" / "readme-example.mjs"  # where git ignores it and Node.js finds the package
    example.write_text(code)
    assert re.fullmatch(printed, output_of(["node", str(example)], environment, directory))


def test_what_the_readme_says_of_itself() -> None:
    text = (ROOT / "README.md").read_text()
    for path in re.findall(r"^\| `((?:services|shared|tests)/[^`]*)`", text, re.MULTILINE):
        assert (ROOT / path).exists(), path
