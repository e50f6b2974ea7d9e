"""The report of what could not be tested, seen from outside: a run of pytest in a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TESTS = """
import pytest

def test_kafka():
    pytest.skip("NOT TESTED: the Kafka stream; install Java and Maven")

@pytest.mark.skip(reason="NOT TESTED: the Kafka stream; install Java and Maven")
def test_kafka_again():
    pass

@pytest.mark.skip(reason="not on this platform")
def test_other():
    pass

def test_passes():
    pass
"""

LAST_WORDS = "NOT TESTED: THE KAFKA STREAM; INSTALL JAVA AND MAVEN (2 TESTS)"


def run(directory: Path, tests: str, ci: str) -> tuple[int, list[str]]:
    (directory / "test_sample.py").write_text(tests)
    completed = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.not_tested", "-p", "no:cacheprovider", "."],
        cwd=directory,
        env=os.environ | {"CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return completed.returncode, completed.stdout.splitlines()


def test_on_a_persons_machine_it_is_said_last_and_the_run_passes(tmp_path: Path) -> None:
    status, lines = run(tmp_path, TESTS, ci="")
    assert status == 0
    assert lines[-1] == LAST_WORDS


def test_where_ci_is_true_the_run_fails(tmp_path: Path) -> None:
    status, lines = run(tmp_path, TESTS, ci="true")
    assert status == 1
    assert lines[-2:] == [LAST_WORDS, "CI=TRUE: THIS FAILS THE RUN"]


@pytest.mark.parametrize("ci", ["", "true"])
def test_when_all_was_tested_nothing_is_added(tmp_path: Path, ci: str) -> None:
    status, lines = run(tmp_path, "def test_passes():\n    pass\n", ci)
    assert status == 0
    assert "passed" in lines[-1]
