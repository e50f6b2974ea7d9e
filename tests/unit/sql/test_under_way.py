"""How many queries of users are under way."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import pytest

from services.query_api.sql import MAX_UNDER_WAY, one_more
from shared.errors import Overloaded


def test_one_workspace_does_not_keep_others_from_asking() -> None:
    under_way: Counter[str] = Counter()
    with ExitStack() as running:
        for _ in range(MAX_UNDER_WAY):
            running.enter_context(one_more(under_way, "busy"))
        with pytest.raises(Overloaded, match="try again"), one_more(under_way, "busy"):
            pass
        with one_more(under_way, "other"):
            assert under_way["other"] == 1
    with one_more(under_way, "busy"):
        pass
    assert not under_way
