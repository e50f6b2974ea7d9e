"""`GET /prompt-templates`: pages of templates, by label and name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.templates import publish, texts
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import message

if TYPE_CHECKING:
    from tests.support.api import Api, Json


@pytest.fixture(scope="module")
def prefix(api: Api) -> str:
    """Five templates, whose names begin with this; the first has a label at the first of its two versions."""
    prefix = unique("List")
    publish(api, f"{prefix}/0", labels=[prefix], tags=["a"], commit_message="first")
    for number in (1, 2, 3, 4, 0):
        publish(api, f"{prefix}/{number}", message("user", "newest"))
    return prefix


def listed(api: Api, **query: Any) -> Json:
    response = api.default.get("/prompt-templates", params=query)
    assert response.status_code == 200, response.text
    page: Json = response.json()
    return page


def names(page: Json) -> list[str]:
    return [item["prompt_name"].rpartition("/")[2] for item in page["items"]]


def test_templates_in_pages_the_newest_first(api: Api, prefix: str) -> None:
    pages = [listed(api, name=prefix.lower(), page=number, per_page=2) for number in (1, 2, 3, 4)]
    assert [names(page) for page in pages] == [["4", "3"], ["2", "1"], ["0"], []]
    numbers = ("page", "pages", "per_page", "total", "has_next", "has_prev", "next_num", "prev_num")
    assert [tuple(page[name] for name in numbers) for page in pages] == [
        (1, 3, 2, 5, True, False, 2, None),
        (2, 3, 2, 5, True, True, 3, 1),
        (3, 3, 2, 5, False, True, None, 2),
        (4, 3, 2, 5, False, True, None, 3),
    ]


def test_a_template_is_listed_at_its_newest_version(api: Api, prefix: str) -> None:
    (item,) = listed(api, name=f"{prefix}/0")["items"]
    assert (item["version"], texts(item), item["tags"], item["commit_message"]) == (2, ["newest"], ["a"], None)
    assert isinstance(item["id"], int)
    assert item["release_labels"] == []


def test_templates_with_a_label_are_listed_at_it(api: Api, prefix: str) -> None:
    page = listed(api, label=prefix)
    (item,) = page["items"]
    assert (item["version"], texts(item), item["commit_message"]) == (1, ["Hi {who}"], "first")
    assert (item["release_labels"], page["total"], page["per_page"]) == ([prefix], 1, 30)
    assert listed(api, label="nowhere")["items"] == []


def test_templates_of_a_workspace_are_its_own(api: Api, prefix: str) -> None:
    theirs = api.other.get("/prompt-templates", params={"name": prefix}).json()
    assert (theirs["items"], theirs["total"], theirs["pages"]) == ([], 0, 0)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"page": "0"}, "must be at least 1"),
        ({"page": "x"}, "must be an integer"),
        ({"per_page": "0"}, "must be at least 1"),
        ({"per_page": "1001"}, "must be at most 1000"),
    ],
)
def test_wrong_pages_are_refused_by_name(api: Api, query: dict[str, str], says: str) -> None:
    refused(api.default.get("/prompt-templates", params=query), 422, "invalid", ["query", next(iter(query))], says)
