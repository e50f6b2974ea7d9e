"""How a run is printed, and kept as JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.figures import Curve, Figure, LedgerCheck

_WIDTHS: Final = (26, 12, 12, 12, 8, 18)
_HEADS: Final = ("measure", "value", "unit", "reference", "ratio", "target")


def heading() -> str:
    """The line above the figures."""
    return "".join(f"{head:<{width}}" for head, width in zip(_HEADS, _WIDTHS, strict=True)) + "verdict"


def line(figure: Figure) -> str:
    """`name  value  unit  reference  ratio  target  ok|short`, in columns."""
    cells = (
        figure.name,
        number(figure.value),
        figure.unit,
        "-" if figure.reference is None else number(figure.reference),
        "-" if figure.ratio is None else f"{figure.ratio:.2f}",
        figure.target.describe(figure.unit) if figure.target else "-",
    )
    text = "".join(f"{cell:<{width - 1}} " for cell, width in zip(cells, _WIDTHS, strict=True)) + figure.verdict
    return f"{text}  ({figure.note})" if figure.note else text


def number(value: float) -> str:
    """Three digits that count, or all of the whole part."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(figures: Sequence[Figure]) -> str:
    """The same lines as a table for a README."""
    rows = ["| measure | value | reference | ratio | target | |", "| --- | ---: | ---: | ---: | --- | --- |"]
    for figure in figures:
        name = f"{figure.name} ({figure.note})" if figure.note else figure.name
        reference = "-" if figure.reference is None else number(figure.reference)
        ratio = "-" if figure.ratio is None else f"{figure.ratio:.2f}"
        target = figure.target.describe(figure.unit) if figure.target else "-"
        cells = (name, f"{number(figure.value)} {figure.unit}", reference, ratio, target, figure.verdict)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


TABLE_BEGINS: Final = "<!-- The table of `make bench ARGS=--readme` begins. -->"
TABLE_ENDS: Final = "<!-- It ends. -->"


def with_table(text: str, machine: Mapping[str, Any], figures: Sequence[Figure]) -> str:
    """A document with the table of this run instead of the one it has. Raises ValueError without the two marks."""
    before, begins, rest = text.partition(TABLE_BEGINS)
    _, ends, after = rest.partition(TABLE_ENDS)
    if not begins or not ends:
        raise ValueError(f"there is no place for the table: {TABLE_BEGINS} {TABLE_ENDS}")
    where = f"Python {machine['python']}, {machine['cores']} cores ({machine['processor']}), {machine['pinning']}."
    return f"{before}{begins}\n{where}\n\n{markdown(figures)}\n{ends}{after}"


def document(
    machine: Mapping[str, Any], figures: Sequence[Figure], checks: Sequence[LedgerCheck], curves: Sequence[Curve]
) -> dict[str, Any]:
    """All raw numbers of a run."""
    return {
        "machine": dict(machine),
        "figures": [figure.as_json() for figure in figures],
        "ledger": [
            {
                "name": check.name,
                "acknowledged": check.acknowledged,
                "found": check.found,
                "lost": check.lost,
                "strangers": check.strangers,
            }
            for check in checks
        ],
        "curves": [
            {"plot": curve.plot, "x": list(curve.x), "y": {k: list(v) for k, v in curve.y.items()}} for curve in curves
        ],
    }
