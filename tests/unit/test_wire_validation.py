from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError, field_validator

from shared.errors import Invalid
from shared.wire.scalars import MAX_EXACT, LaxAmount, LaxCount, LaxFloat, LaxInt, WireModel
from shared.wire.times import WireTime  # noqa: TC001 (pydantic reads it)
from shared.wire.validation import field_name, invalid, invalid_fields, validate


class Circle(BaseModel):
    type: Literal["circle"]
    radius: float


class Square(BaseModel):
    type: Literal["square"]
    square: int


class Item(BaseModel):
    type: str


def _tag(shape: Any) -> str:
    return f"the {shape.get('type') if isinstance(shape, dict) else shape}"


class Body(WireModel):
    count: LaxCount = 7
    whole: LaxInt = 1
    number: LaxFloat = 1.5
    amount: LaxAmount = 0.5
    flag: bool = True
    when: WireTime | None = None
    kind: Literal["A", "B", "C"] = "A"
    note: str | None = None
    tags: list[Annotated[str, Field(max_length=4)]] = Field(default_factory=list)
    extra: dict[Annotated[str, Field(max_length=3)], Any] = Field(default_factory=dict)
    content: str | list[Item] | None = None
    shape: Annotated[Circle | Square, Discriminator("type")] | None = None
    tagged: (
        Annotated[
            Annotated[Circle, Tag("the circle")] | Annotated[Square, Tag("the square")],
            Discriminator(_tag),
        ]
        | None
    ) = None
    api_key: int = 0

    @field_validator("note")
    @classmethod
    def _note_is_polite(cls, note: str | None) -> str | None:
        if note == "rude":
            raise ValueError("must be polite")
        return note


class Needy(WireModel):
    name: str
    nested: Circle


def refused(body: Any, model: type[BaseModel] = Body) -> Invalid:
    with pytest.raises(Invalid) as caught:
        validate(model, body)
    return caught.value


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        (12, 12),
        (12.0, 12),
        ("12", 12),
        ("12.0", 12),
        (-5, -5),
        (0, 0),
        (MAX_EXACT, MAX_EXACT),
        (-MAX_EXACT, -MAX_EXACT),
    ],
)
def test_lax_integers(sent: Any, held: int) -> None:
    whole = validate(Body, {"whole": sent}).whole
    assert whole == held
    assert type(whole) is int


@pytest.mark.parametrize("sent", [12.5, "12.5", True, False, "x", "", "true", [], {}, float("inf"), "9" * 5000])
def test_what_is_no_integer(sent: Any) -> None:
    error = refused({"whole": sent})
    assert error.message.startswith(("whole: must be an integer", "whole: must be a finite number"))
    assert error.detail is not None
    assert error.detail[0]["loc"] == ["body", "whole"]


@pytest.mark.parametrize("sent", [MAX_EXACT + 1, -MAX_EXACT - 1, 10**40])
def test_integers_beyond_what_json_keeps(sent: int) -> None:
    assert "9007199254740992" in refused({"whole": sent}).message


@pytest.mark.parametrize(("sent", "held"), [(1, 1.0), (1.25, 1.25), ("1.25", 1.25), ("1e-3", 0.001), (-2, -2.0)])
def test_lax_numbers(sent: Any, held: float) -> None:
    number = validate(Body, {"number": sent}).number
    assert number == held
    assert type(number) is float


@pytest.mark.parametrize("sent", [True, False, "x", "", [], {}, float("nan"), float("inf"), "nan", "-inf", 10**400])
def test_what_is_no_number(sent: Any) -> None:
    assert refused({"number": sent}).message.startswith("number: must be a ")


@pytest.mark.parametrize("field", ["count", "amount"])
def test_counts_and_amounts_are_not_negative(field: str) -> None:
    assert refused({field: -1}).message.startswith(f"{field}: must be at least 0, not -1")
    assert getattr(validate(Body, {field: 0}), field) == 0


def test_null_is_the_default_of_a_field_that_has_one() -> None:
    body = validate(Body, dict.fromkeys(Body.model_fields))
    assert body.model_dump() == Body().model_dump()


def test_null_of_an_optional_field_can_be_told_from_absence() -> None:
    assert "note" in validate(Body, {"note": None}).model_fields_set
    assert "note" not in validate(Body, {}).model_fields_set


def test_null_for_a_required_field_is_refused() -> None:
    error = refused({"name": None, "nested": None}, Needy)
    assert error.message == "name: must be a string, not null (and 1 more: nested)"


def test_unknown_keys_are_ignored() -> None:
    assert validate(Body, {"no_such": 1, "note": "x"}).note == "x"


@pytest.mark.parametrize("body", [None, 5, "secret text", [], [{"count": 1}], True])
def test_a_body_that_is_no_object(body: Any) -> None:
    error = refused(body)
    assert error.message == "body: must be an object"
    assert error.detail == [{"loc": ["body"], "msg": "must be an object", "type": "dict_type"}]


@pytest.mark.parametrize(
    ("body", "loc", "message"),
    [
        ({"kind": "D"}, ["kind"], "kind: must be one of 'A', 'B' or 'C', not 'D'"),
        ({"flag": "perhaps"}, ["flag"], "flag: must be true or false, not 'perhaps'"),
        ({"note": {"a": 1}}, ["note"], "note: must be a string, not an object"),
        ({"note": [1]}, ["note"], "note: must be a string, not a list"),
        ({"note": True}, ["note"], "note: must be a string, not true"),
        ({"note": "rude"}, ["note"], "note: must be polite, not 'rude'"),
        ({"tags": ["fine", "too long"]}, ["tags", 1], "tags[1]: must have at most 4 characters"),
        ({"tags": "x"}, ["tags"], "tags: must be a list, not 'x'"),
        ({"extra": {"long key": 1}}, ["extra", "long key"], "extra.long key: must have at most 3 characters"),
        ({"extra": 3}, ["extra"], "extra: must be an object, not 3"),
        ({"when": "1800-01-01"}, ["when"], "when: must be a time from 1900 to 2261, not '1800-01-01'"),
        ({"content": 5}, ["content"], "content: must be a string or a list, not 5"),
        ({"content": [{"type": "a"}, {}]}, ["content", 1, "type"], "content[1].type: is required"),
        ({"content": [7]}, ["content", 0], "content[0]: must be an object, not 7"),
        ({"shape": {"type": "circle"}}, ["shape", "radius"], "shape.radius: is required"),
        ({"shape": {"type": "circle", "radius": "x"}}, ["shape", "radius"], "shape.radius: must be a number, not 'x'"),
        # a key of the same name as the member of the union that was chosen
        (
            {"shape": {"type": "square", "square": "x"}},
            ["shape", "square"],
            "shape.square: must be an integer, not 'x'",
        ),
        ({"shape": {"type": "square"}}, ["shape", "square"], "shape.square: is required"),
        ({"tagged": {"type": "square"}}, ["tagged", "square"], "tagged.square: is required"),
    ],
)
def test_problems_are_told_in_the_senders_terms(body: dict[str, Any], loc: list[str | int], message: str) -> None:
    error = refused(body)
    assert error.message == message
    assert error.detail is not None
    assert [problem["loc"] for problem in error.detail] == [["body", *loc]]
    assert set(error.detail[0]) == {"loc", "msg", "type"}


@pytest.mark.parametrize("shape", [{"type": "hexagon"}, {}, {"type": None}])
@pytest.mark.parametrize("field", ["shape", "tagged"])
def test_names_of_union_members_stay_inside(field: str, shape: dict[str, Any]) -> None:
    error = refused({field: shape})
    assert error.message == f"{field}: must be an object of a known type"
    assert error.detail is not None
    for word in ("the circle", "the square", "Circle", "Square", "_tag", "function", "union"):
        assert word not in error.message
        assert word not in str(error.detail)


def test_the_message_tells_the_first_problem_and_names_the_others() -> None:
    error = refused({"count": -1, "kind": 1, "note": 2})
    assert error.message == "count: must be at least 0, not -1 (and 2 more: kind, note)"
    assert error.detail is not None
    assert [problem["loc"][1] for problem in error.detail] == ["count", "kind", "note"]


def test_another_root() -> None:
    with pytest.raises(Invalid) as caught:
        validate(Body, {"count": "x"}, root="query")
    assert caught.value.detail is not None
    assert caught.value.detail[0]["loc"] == ["query", "count"]


def test_long_values_are_not_repeated() -> None:
    error = refused({"count": "x" * 41, "extra": {"k" * 5000: 1}, "tags": ["y" * 5000]})
    assert len(str(error.detail)) < 700
    assert "xxx" not in str(error.detail)


def test_a_key_is_never_repeated() -> None:
    error = refused({"api_key": "sk-1"})
    assert error.message == "api_key: must be an integer"
    assert "sk-1" not in str(error.detail)


def test_problems_found_by_hand_look_the_same() -> None:
    problem = {"loc": ["path", "request_id"], "msg": "must be an integer", "type": "int_type"}
    assert invalid_fields([problem]).message == "request_id: must be an integer"


def test_a_message_names_so_many_fields_and_no_more() -> None:
    problems = [{"loc": ["body", f"f{number}"], "msg": "is required", "type": "missing"} for number in range(9)]
    assert invalid_fields(problems).message == "f0: is required (and 8 more: f1, f2, f3, f4, f5, ...)"


def test_field_names() -> None:
    assert field_name(["body"]) == "body"
    assert field_name(["body", "input", "messages", 0, "role"]) == "input.messages[0].role"
    assert field_name(["body", 3, "a"]) == "[3].a"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("type"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(list(Body.model_fields)), JSON))
def test_any_body_is_taken_or_refused_with_a_path_that_it_has(body: dict[str, Any]) -> None:
    try:
        Body.model_validate(body)
    except ValidationError as error:
        detail = invalid(error, body).detail
        assert detail
        for problem in detail:
            current: Any = body
            *path, last = problem["loc"][1:]
            for part in path:
                current = current[part]
            assert problem["type"] == "missing" or last in (
                current if isinstance(current, dict) else range(len(current))
            )
