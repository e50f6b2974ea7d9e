"""`sluice import` as its users run it, against `sluice up`."""

from __future__ import annotations

import gzip
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from services.__main__ import main
from services.client.importing.progress import load, progress_path, save
from shared.stream.base import LOGS_TOPIC
from shared.stream.sqlite.file import end_offsets
from tests.support.log_bodies import humanloop_body, promptlayer_body
from tests.support.processes import Processes, Up, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "some-key-12345"
ROOT = Path(__file__).parents[2]
APPLIED_S = 60.0

_RECORDS = re.compile(r'^sluice_writer_records_total\{outcome="(\w+)",.*\} (\S+)$', re.MULTILINE)


class Server(Up):
    """A `sluice up` that is asked how many logs it has."""

    def records(self) -> dict[str, int]:
        """What became of the records of the stream since the process started, once all of them are applied."""
        with closing(sqlite3.connect(f"file:{self.directory}/data/stream.db?mode=ro", uri=True)) as connection:
            appended = sum(end_offsets(connection, LOGS_TOPIC).values())
        wait_until(lambda: sum(self._outcomes().values()) == appended, "all records to be applied", APPLIED_S)
        return self._outcomes()

    def _outcomes(self) -> dict[str, int]:
        outcomes: dict[str, int] = {}
        with urllib.request.urlopen(f"{self.url}/metrics") as answer:
            for outcome, count in _RECORDS.findall(answer.read().decode()):
                outcomes[outcome] = outcomes.get(outcome, 0) + int(float(count))
        return outcomes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests of this module."""
    group = Processes(tmp_path_factory.mktemp("import"))
    try:
        yield Server(group, api_keys=f"default:{KEY}").start()
    finally:
        group.end()


@pytest.fixture
def added(server: Server) -> Iterator[dict[str, int]]:
    """What a test says that became of the records it added; held against the writer's count when the test is over."""
    expected: dict[str, int] = {}
    before = server.records()
    yield expected
    after = server.records()
    grown = {outcome: count - before.get(outcome, 0) for outcome, count in after.items()}
    assert {outcome: grown.get(outcome, 0) for outcome in expected} == expected
    assert {outcome for outcome, count in grown.items() if count} <= {"created", "duplicate"}


def import_files(server: Server, *arguments: object, stdin: bytes | None = None) -> Result:
    """What the command prints, and its exit status."""
    environment = {"SLUICE_URL": server.url, "SLUICE_API_KEY": KEY}
    done = CliRunner(env=environment).invoke(main, ["import", *map(str, arguments)], input=stdin)
    assert KEY not in done.output
    return done


def start_import(server: Server, *arguments: object) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "services", "import", *map(str, arguments)]
    environment = server.environment() | {"SLUICE_URL": server.url, "SLUICE_API_KEY": KEY}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def requests(marker: str, count: int) -> list[bytes]:
    """Lines of PromptLayer requests."""
    return [json.dumps({"type": "promptlayer.request"} | promptlayer_body(marker, n)).encode() for n in range(count)]


def prompt_logs(marker: str, count: int) -> list[bytes]:
    """Lines of Humanloop logs, without a type."""
    return [json.dumps(humanloop_body(marker, n)).encode() for n in range(count)]


def test_good_lines_are_stored_and_bad_ones_are_kept_with_their_numbers(
    server: Server, tmp_path: Path, added: dict[str, int]
) -> None:
    good = requests("mixed", 25)
    lines = [*good[:10], b"{bad", b"", b'{"type": "promptlayer.request"}', *good[10:], b'{"cut": ']
    path = tmp_path / "logs.ndjson"
    path.write_bytes(b"\n".join(lines))
    done = import_files(server, path, "--batch-items", "7")
    assert done.exit_code == 1
    assert done.stdout == f"{path}: imported 25, rejected 3 (see {path}.rejected), duplicates 0\n"
    rejected = [json.loads(line) for line in Path(f"{path}.rejected").read_text().splitlines()]
    assert [(line["line"], line["error"]["error"]) for line in rejected] == [
        (11, "bad_request"),
        (13, "invalid"),
        (29, "bad_request"),
    ]
    assert [line["text"].encode() for line in rejected] == [lines[10], lines[12], lines[28]]

    again = import_files(server, path)
    assert (again.exit_code, again.stdout) == (1, done.stdout)
    with path.open("ab") as file:
        file.write(b"\n" + b"\n".join(requests("more", 5)))
    grown = import_files(server, path)
    assert f"going on at line {len(lines) + 1}\n" in grown.stderr
    assert "imported 30, rejected 3" in grown.stdout
    added.update(created=30, duplicate=0)


@pytest.mark.parametrize("how", ["plain", "gzip", "stdin"])
def test_lines_without_a_type_are_what_the_command_says(
    server: Server, tmp_path: Path, added: dict[str, int], how: str
) -> None:
    content = b"\n".join(prompt_logs(how, 30)) + b"\n"
    path = tmp_path / ("logs.ndjson.gz" if how == "gzip" else "logs.ndjson")
    path.write_bytes(gzip.compress(content) if how == "gzip" else content)
    options = ["--type", "humanloop.prompt_log", "--batch-bytes", "4KiB", "--concurrency", "3"]
    if how == "stdin":
        done = import_files(server, "-", *options, stdin=content)
    else:
        done = import_files(server, path, *options)
    assert done.exit_code == 0, done.output
    assert "imported 30, rejected 0, duplicates 0" in done.stdout
    added.update(created=30, duplicate=0)


def test_a_killed_import_goes_on_and_doubles_nothing(server: Server, tmp_path: Path, added: dict[str, int]) -> None:
    count = 2000
    path = tmp_path / "logs.ndjson"
    path.write_bytes(b"\n".join(prompt_logs("killed", count)))
    arguments = [path, "--type", "humanloop.prompt_log", "--batch-items", "10", "--concurrency", "3"]
    for kill_at in (200, 800):
        running = start_import(server, *arguments)
        try:
            wait_until(lambda: imported(path) >= kill_at or running.poll() is not None, "the import", APPLIED_S)  # noqa: B023
            assert running.poll() is None
        finally:
            running.kill()
            running.communicate()
        assert kill_at <= imported(path) < count
    done = import_files(server, *arguments)
    assert done.exit_code == 0, done.output
    assert f"imported {count}, rejected 0" in done.stdout
    added.update(created=count)


def imported(path: Path) -> int:
    """How many logs of a file are imported, as far as noted."""
    progress = load(str(path)) if progress_path(str(path)).exists() else None
    return progress.imported if progress is not None else 0


@pytest.mark.parametrize("kind", ["promptlayer.request", "humanloop.prompt_log"])
def test_a_batch_that_was_on_its_way_is_recognised(
    server: Server, tmp_path: Path, added: dict[str, int], kind: str
) -> None:
    path = tmp_path / "logs.ndjson"
    make = requests if kind == "promptlayer.request" else prompt_logs
    path.write_bytes(b"\n".join([*make(f"on its way {kind}", 10), b"{bad", b""]))
    options = [path, "--type", kind]
    assert import_files(server, *options).exit_code == 1
    progress = load(str(path))
    assert progress is not None
    # As if it had been killed after the server's answer and before that was noted.
    save(str(path), replace(progress, offset=0, line=1, imported=0, rejected=0, rejected_bytes=0))
    done = import_files(server, *options)
    assert done.stdout == f"{path}: imported 10, rejected 1 (see {path}.rejected), duplicates 10\n"
    assert Path(f"{path}.rejected").read_text().count("\n") == 1
    added.update(created=10, duplicate=10)


@pytest.mark.parametrize("what", ["dead", "unauthorised", "no key", "no file", "no Sluice"])
def test_what_can_not_work_is_one_clear_line(server: Server, tmp_path: Path, what: str) -> None:
    path = tmp_path / "logs.ndjson"
    path.write_bytes(requests("never", 1)[0])
    arguments: list[object] = [path]
    says = {
        "dead": "connection refused; stopped at line 1, 0 logs imported",
        "unauthorised": "answers 401: the API key in the header X-API-KEY is not known",
        "no key": "give a key with --api-key or SLUICE_API_KEY",
        "no file": "none: can't be read: No such file or directory",
        "no Sluice": "answers 404",
    }[what]
    if what == "dead":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            arguments += ["--url", f"http://127.0.0.1:{listener.getsockname()[1]}"]
    if what == "no file":
        arguments = [tmp_path / "none"]
    if what == "no Sluice":
        arguments += ["--url", f"{server.url}/elsewhere"]
    key = "an-unknown-key" if what == "unauthorised" else KEY
    environment = {"SLUICE_URL": server.url, "SLUICE_API_KEY": "" if what == "no key" else key}
    done = CliRunner(env=environment).invoke(main, ["import", *map(str, arguments)])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert re.fullmatch(r"Error: [^\n]*\n", done.stderr)
    assert says in done.stderr
    assert key not in done.output


def test_an_import_outlives_its_server(server: Server, tmp_path: Path) -> None:
    count = 1000
    path = tmp_path / "logs.ndjson"
    path.write_bytes(b"\n".join(requests("outlives", count)))
    running = start_import(server, path, "--batch-items", "10")
    try:
        wait_until(lambda: imported(path) >= 200 or running.poll() is not None, "the import", APPLIED_S)
        server.kill()
        server.start()
        output, errors = running.communicate(timeout=3 * APPLIED_S)
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate()
    assert running.returncode == 0, errors
    assert f"imported {count}, rejected 0" in output.decode()
    assert b"trying on for 300 s" in errors
