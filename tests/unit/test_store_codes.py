"""What engine errors mean."""

from __future__ import annotations

import pytest

from shared.errors import StoreRejected, StoreUnavailable
from shared.store.codes import error_code, store_error
from shared.store.parameters import encode_parameters


def server_text(code: int, text: str = "Something.") -> str:
    """An error as the HTTP client words it."""
    body = f"Code: {code}. DB::Exception: {text} (NAME) (version 26.9.2.1 (official build))"
    return f"Received ClickHouse exception, code: {code}, server response: {body} (for url http://10.0.0.1:8123)"


@pytest.mark.parametrize("code", [3, 107, 159, 202, 203, 210, 225, 241, 242, 252, 279, 285, 319, 341, 425, 517, 999])
@pytest.mark.parametrize("inserting", [True, False])
def test_what_passes_is_unavailable(code: int, inserting: bool) -> None:
    assert isinstance(store_error(server_text(code), inserting=inserting), StoreUnavailable)


@pytest.mark.parametrize("code", [16, 60, 62, 81, 164, 192, 193, 497, 516, 9999])
def test_a_server_that_is_not_set_up_keeps_inserts_waiting_and_refuses_queries(code: int) -> None:
    assert isinstance(store_error(server_text(code), inserting=True), StoreUnavailable)
    assert isinstance(store_error(server_text(code), inserting=False), StoreRejected)


@pytest.mark.parametrize("code", [6, 26, 27, 33, 41, 72, 117, 131, 321, 407])
def test_bad_rows_are_rejected(code: int) -> None:
    failure = store_error(server_text(code), inserting=True)
    assert isinstance(failure, StoreRejected)
    assert failure.code == code


def test_code_252_means_two_things() -> None:
    behind = "Too many parts (3000). Merges are processing significantly slower than inserts."
    assert isinstance(store_error(server_text(252, behind), inserting=True), StoreUnavailable)
    spread = "Too many partitions for single INSERT block (more than 100)."
    assert isinstance(store_error(server_text(252, spread), inserting=True), StoreRejected)


@pytest.mark.parametrize("text", ["Query memory limit exceeded: would use 1 GiB", "Memory limit (for query) exceeded"])
def test_a_query_over_its_own_memory_limit_is_rejected(text: str) -> None:
    assert isinstance(store_error(server_text(241, text), inserting=False), StoreRejected)
    assert isinstance(store_error(server_text(241, text), inserting=True), StoreUnavailable)
    assert isinstance(store_error(server_text(241, "(total) memory limit exceeded"), inserting=False), StoreUnavailable)


@pytest.mark.parametrize("text", ["Network Error: Connection refused", "HTTP driver received HTTP status 502", ""])
def test_what_is_not_from_the_engine_is_unavailable(text: str) -> None:
    assert error_code(text) == 0
    assert isinstance(store_error(text, inserting=True), StoreUnavailable)
    assert isinstance(store_error(text, inserting=False), StoreUnavailable)


def test_both_wordings_give_the_same_error_without_address_and_version() -> None:
    in_process = "Streaming insert append failed: Code: 27. DB::Exception: Cannot parse. (NAME) (version 26.9.2.1)"
    assert str(store_error(in_process, inserting=True)) == "Cannot parse. (NAME) (code 27)"
    assert str(store_error(server_text(27, "Cannot parse."), inserting=True)) == "Cannot parse. (NAME) (code 27)"


def test_a_long_error_is_cut() -> None:
    assert len(str(store_error(server_text(27, "x" * 100_000), inserting=True))) < 1100


def test_parameters_are_written_as_the_engine_reads_them() -> None:
    values = {"text": "a'b\\\n", "none": None, "yes": True, "list": ["'", None, (1, "x")], "float": 1e-300}
    assert encode_parameters(values) == {
        "text": "a\\'b\\\\\\n",
        "none": "\\N",
        "yes": "true",
        "list": "['\\'',NULL,(1,'x')]",
        "float": "1e-300",
    }
    with pytest.raises(TypeError, match="can't be a set"):
        encode_parameters({"x": {1}})
