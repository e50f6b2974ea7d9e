"""A pytest plugin: what could not be tested here is said in capitals at the very end, and fails the run where CI=true.

A test that lacks a part of its environment skips with a reason that begins with `NOT TESTED:` and names what was not
tested and what to install. Other skips are left alone.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

PREFIX = "NOT TESTED:"


class NotTested:
    """Collects the reasons of such skips."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report.skipped, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report.skipped, report.longrepr)

    def _note(self, skipped: bool, longrepr: object) -> None:
        if skipped and isinstance(longrepr, tuple):
            reason = str(longrepr[2]).removeprefix("Skipped: ")
            if reason.startswith(PREFIX):
                self.reasons[reason] += 1

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        must_fail = bool(self.reasons) and os.environ.get("CI", "").lower() in ("1", "true")
        if must_fail and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        yield
        for line in self.lines(must_fail):
            print(line)

    def lines(self, must_fail: bool) -> list[str]:
        """The last words of the run."""
        lines = [f"{reason.upper()} ({count} TESTS)" for reason, count in sorted(self.reasons.items())]
        return [*lines, "CI=TRUE: THIS FAILS THE RUN"] if must_fail else lines


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(NotTested(), "not-tested")
