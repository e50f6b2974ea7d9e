"""How figures, ledgers and plots come out of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import plots, report
from tests.bench.figures import Curve, Figure, LedgerCheck, ratio_at_least
from tests.bench.ledger import check_ids
from tests.bench.measures import MEASURES, named

GATEWAY = Figure(
    name="gateway-post",
    unit="logs/s",
    rounds=[11_000, 12_345.6, 13_000],
    references=[20_000, 24_000, 25_000],
    target=ratio_at_least(0.55),
)
MEMORY = Figure(name="memory", unit="MB", rounds=[61.25], note="at its most")
CURVES = [
    Curve("load", [1000, 2000], {"acknowledged logs/s": [1000, 1990], "p50 ms": [1, 2], "p99 ms": [3, 40]}),
    Curve("cost", [100_000, 1_000_000], {"CPU us per log stored": [80, 81]}),
]


def test_a_line_has_every_column() -> None:
    assert report.line(GATEWAY).split() == [
        *("gateway-post", "12,346", "logs/s", "24,000", "0.52", "ratio", ">=", "0.55", "short"),
    ]
    assert report.line(MEMORY).split() == ["memory", "61.2", "MB", "-", "-", "-", "-", "(at", "its", "most)"]


def test_lines_are_aligned_with_their_heading() -> None:
    heading = report.heading()
    assert report.line(GATEWAY)[heading.index("verdict") :] == "short"
    assert report.line(GATEWAY)[heading.index("target") :].startswith("ratio >= 0.55")


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.123"), (1.5, "1.5"), (99.96, "100"), (123.4, "123"), (12_345.6, "12,346")]
)
def test_numbers_have_the_digits_that_count(value: float, text: str) -> None:
    assert report.number(value) == text


def test_a_table_for_a_readme() -> None:
    assert report.markdown([GATEWAY, MEMORY]).splitlines()[2:] == [
        "| gateway-post | 12,346 logs/s | 24,000 | 0.52 | ratio >= 0.55 | short |",
        "| memory (at its most) | 61.2 MB | - | - | - | - |",
    ]


def test_the_table_of_a_readme_is_replaced() -> None:
    machine = {"python": "3.11.7", "cores": 2, "processor": "one", "pinning": "pinned"}
    old = f"before\n{report.TABLE_BEGINS}\nold\n{report.TABLE_ENDS}\nafter\n"
    new = report.with_table(old, machine, [GATEWAY])
    assert new.startswith("before\n")
    assert new.endswith("\nafter\n")
    assert "old" not in new
    assert report.markdown([GATEWAY]) in new
    assert report.with_table(new, machine, [GATEWAY]) == new
    with pytest.raises(ValueError, match="no place for the table"):
        report.with_table("before\n", machine, [GATEWAY])


def test_the_readme_has_a_place_for_the_table() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    assert readme.partition(report.TABLE_BEGINS)[2].count(report.TABLE_ENDS) == 1


def test_the_document_has_the_raw_numbers() -> None:
    document = report.document({"cores": 2}, [GATEWAY], [LedgerCheck("a", 3, 2, 1)], CURVES)
    assert json.loads(json.dumps(document)) == document
    figure = document["figures"][0]
    assert figure["rounds"] == [11_000, 12_345.6, 13_000]
    assert figure["reference_rounds"] == [20_000, 24_000, 25_000]
    assert document["ledger"] == [{"name": "a", "acknowledged": 3, "found": 2, "lost": 1, "strangers": 0}]
    assert document["curves"][1]["y"] == {"CPU us per log stored": [80, 81]}


def test_plots_are_drawn_as_svg(tmp_path: Path) -> None:
    drawn = plots.draw(CURVES, tmp_path)
    assert [path.name for path in drawn] == ["load.svg", "cost.svg"]
    assert all("<svg" in path.read_text() for path in drawn)


def test_a_ledger_finds_what_is_lost_strange_and_there_twice() -> None:
    assert check_ids("a", [1, 2, 3], [3, 2, 1]).holds
    assert check_ids("a", [1, 2, 3], [1, 2]).lost == 1
    assert check_ids("a", [1, 2], [1, 2, 3]).strangers == 1
    assert not check_ids("a", [1, 2], [1, 2, 2]).holds
    assert not check_ids("a", [1, 1, 2], [1, 2]).holds


def test_measures_are_found_by_their_names_and_by_those_of_their_figures() -> None:
    found = {name: [m.name for m in named(name)] for name in ("writer", "memory", "full-text", "", "no such")}
    assert found == {
        "writer": ["writer"],
        "memory": ["gateway", "up", "visible"],
        "full-text": ["reads"],
        "": [m.name for m in MEASURES],
        "no such": [],
    }
