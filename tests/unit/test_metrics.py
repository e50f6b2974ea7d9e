"""Every metric follows the conventions and says what to do."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram

from shared.observability import metrics

ROOT = Path(__file__).parents[2]

for path in [*ROOT.glob("services/*/metrics.py"), *ROOT.glob("shared/*/metrics.py")]:
    importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))

UNITS = ("seconds", "bytes", "records", "requests", "errors", "rows", "versions", "ratio", "offset")


@pytest.mark.parametrize("metric", metrics.declared, ids=lambda metric: metric.describe()[0].name)
def test_names_carry_the_unit_and_help_texts_say_what_to_do(metric: Counter | Gauge | Histogram) -> None:
    (described,) = metric.describe()
    assert re.fullmatch(r"sluice_[a-z_]+", described.name)
    assert len(re.findall(r"[.:;] ", described.documentation)) >= 1
    assert described.documentation.endswith(".")
    if not isinstance(metric, Counter):
        assert described.name.endswith(UNITS)


def test_the_reference_has_every_metric_under_the_name_that_is_scraped() -> None:
    reference = metrics.reference()
    assert "| `sluice_http_requests_total` | counter | route, method, status | Requests answered" in reference
    assert reference.count("\n") == len(metrics.declared) + 1


def test_the_text_names_the_process_too() -> None:
    text = metrics.render().decode()
    assert "\nprocess_resident_memory_bytes " in text
    assert "_created" not in text
