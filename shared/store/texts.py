"""What is said in a log, as SQL over the bodies in `log_payloads`: the texts, and the values inside JSON. Pure.

* The text of the input: each message as `[role]: text`, joined by an empty line.
* The text of the output: what the messages say, one per line, then each tool call as `name(arguments)`. A Humanloop
  log's own `output` stands in for its message.
* Values by path: `a.b` in `{"a": [{"b": 1}, {"b": "x"}]}` has the values `1` and `x`; lists have no place in a path.

Bodies of both APIs are read: templates with `messages` or `content`, a list of messages, a single message. Comparison
of texts ignores case. A test looks into the text index first where that can rule logs out: JSON text has letters and
digits as they are, and whatever stands between words only at its own places.
"""

from __future__ import annotations

import re
from typing import Final

from shared.records import json_text
from shared.store.conditions import PAYLOADS, Check

Values = tuple[tuple[str, object], ...]


def _messages(column: str) -> str:
    return (
        f"multiIf({column} = '', [], JSONType({column}) = 'Array', JSONExtractArrayRaw({column}), "
        f"JSONHas({column}, 'messages'), JSONExtractArrayRaw({column}, 'messages'), [{column}])"
    )


_SAID: Final = (
    "if(JSONType(m, 'content') = 'String', JSONExtractString(m, 'content'), arrayStringConcat(arrayFilter("
    "t -> t != '', arrayMap(b -> JSONExtractString(b, 'text'), JSONExtractArrayRaw(m, 'content'))), '\\n'))"
)
_ROLE: Final = "if(JSONExtractString(m, 'role') = '', '', concat('[', JSONExtractString(m, 'role'), ']: '))"
_CALLS: Final = f"arrayFlatten(arrayMap(m -> JSONExtractArrayRaw(m, 'tool_calls'), {_messages('output')}))"
_ARGUMENTS: Final = (
    "if(JSONType(c, 'function', 'arguments') = 'String', JSONExtractString(c, 'function', 'arguments'), "
    "JSONExtractRaw(c, 'function', 'arguments'))"
)
_ANSWERS: Final = (
    f"if(ifNull(output_text, '') != '', [assumeNotNull(output_text)], arrayMap(m -> {_SAID}, {_messages('output')}))"
)

INPUT_TEXT: Final = f"arrayStringConcat(arrayMap(m -> concat({_ROLE}, {_SAID}), {_messages('input')}), '\\n\\n')"
ANSWER_TEXT: Final = f"arrayStringConcat(arrayFilter(t -> t != '', {_ANSWERS}), '\\n')"
"""The text of the output without the tool calls."""

OUTPUT_TEXT: Final = (
    f"arrayStringConcat(arrayFilter(t -> t != '', arrayConcat({_ANSWERS}, arrayMap(c -> concat("
    f"JSONExtractString(c, 'function', 'name'), '(', {_ARGUMENTS}, ')'), {_CALLS}))), '\\n')"
)

IS_JSON: Final = f"JSONType({ANSWER_TEXT}) = 'Object'"
OUTPUT_JSON: Final = (
    f"multiIf({IS_JSON}, {ANSWER_TEXT}, notEmpty({_CALLS}), "
    f"concat('{{\"tool_calls\":[', arrayStringConcat({_CALLS}, ','), ']}}'), '')"
)
"""The JSON object that was answered; tool calls count as one."""

_INDEXED: Final = {INPUT_TEXT: ("input",), OUTPUT_TEXT: ("output", "output_text")}
"""The columns, each with a text index, that a text comes from."""

_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_WHOLE_WORD: Final = re.compile(r"(?<=[ -/:-@\[-`{-~])[A-Za-z0-9]+(?=[\x00-/:-@\[-`{-\x7f])")
"""A word with a border on both sides that is one in JSON text as well: an escape like \\n ends in a letter."""

_INDEXED_WORDS: Final = 4
"""Of a longer text the longest words are enough."""

_WORD: Final = re.compile(r"[^\W_]+")


def contains(text: str, part: str) -> Check:
    """Whether `text` (INPUT_TEXT or OUTPUT_TEXT) has `part` in it."""
    return _test(text, part, f"position(lowerUTF8({text}), lowerUTF8(?)) > 0")


def starts_with(text: str, part: str) -> Check:
    """Whether `text` begins with `part`."""
    return _test(text, part, f"startsWith(lowerUTF8({text}), lowerUTF8(?))")


def ends_with(text: str, part: str) -> Check:
    """Whether `text` ends with `part`."""
    return _test(text, part, f"endsWith(lowerUTF8({text}), lowerUTF8(?))")


def words_of(query: str) -> list[str]:
    """What `has_words` looks for: runs of letters and digits, each once."""
    return list(dict.fromkeys(_WORD.findall(query)))


def has_words(words: list[str]) -> Check:
    """Whether each of these words (of `words_of`) begins a word of the input or of the output."""
    tests = []
    values: Values = ()
    for word in words:
        begins = ("String", rf"(?i)(^|[^\p{{L}}\p{{N}}]){word}")
        sides = []
        for text in (INPUT_TEXT, OUTPUT_TEXT):
            narrowed, narrow_values = _narrowed(text, word)
            sides.append(f"({narrowed}match({text}, ?))")
            values += (*narrow_values, begins)
        tests.append(f"({' OR '.join(sides)})")
    return Check(" AND ".join(tests) or "1", values, PAYLOADS)


def said_anywhere(part: str) -> Check:
    """Whether the text of the input or of the output has `part` in it, or the JSON text of the variables."""
    spoken = [contains(INPUT_TEXT, part), contains(OUTPUT_TEXT, part)]
    in_variables = "position(lowerUTF8(variables), lowerUTF8(?)) > 0"
    values = (*spoken[0].values, *spoken[1].values, ("String", json_text(part)[1:-1]))
    return Check(f"({spoken[0].sql}) OR ({spoken[1].sql}) OR {in_variables}", values, PAYLOADS)


def _test(text: str, part: str, comparison: str) -> Check:
    narrowed, values = _narrowed(text, part)
    return Check(f"{narrowed}{comparison}", (*values, ("String", part)), PAYLOADS)


def _narrowed(text: str, part: str) -> tuple[str, Values]:
    """A test by index that every body passes whose text has `part`, with AND after it; '' where there is none."""
    whole = sorted({word.lower() for word in _WHOLE_WORD.findall(part)}, key=len)[-_INDEXED_WORDS:]
    longest = max(_RUN.findall(part), key=len, default="")
    if whole:
        tests: list[tuple[str, tuple[str, object]]] = [("hasAllTokens({}, ?)", ("Array(String)", [w])) for w in whole]
    elif len(longest) > 1:
        tests = [("{} ILIKE ?", ("String", f"%{longest}%"))]
    else:
        tests = []
    columns = _INDEXED[text]
    narrowed = "".join(f"({' OR '.join(test.format(column) for column in columns)}) AND " for test, _ in tests)
    return narrowed, tuple(value for _, value in tests for _ in columns)


def values_at(json: str, path: str, *, inside_text: bool = False) -> tuple[str, Values]:
    """An expression for the list of values at a path of a JSON object, as text; and the values of its `?`.

    A key that is the whole path, dots included, counts too. `inside_text` also looks into text that is itself a JSON
    object, as the arguments of tool calls are.
    """
    keys = path.split(".")
    found = f"[{json}]"
    for _ in keys:
        found = f"arrayFilter(r -> r != '', arrayMap(v -> JSONExtractRaw(v, ?), {_objects(found, inside_text)}))"
    values: Values = tuple(("String", key) for key in reversed(keys))
    if len(keys) > 1:
        found = f"arrayConcat({found}, [JSONExtractRaw({json}, ?)])"
        values += (("String", path),)
    leaves = f"arrayFilter(v -> v NOT IN ('', 'null') AND JSONType(v) NOT IN ('Object', 'Array'), {_items(found)})"
    return f"arrayMap(v -> if(JSONType(v) = 'String', JSONExtractString(v), v), {leaves})", values


def _items(values: str) -> str:
    return f"arrayFlatten(arrayMap(v -> if(JSONType(v) = 'Array', JSONExtractArrayRaw(v), [v]), {values}))"


def _objects(values: str, inside_text: bool) -> str:
    items = _items(values)
    if not inside_text:
        return items
    return f"arrayMap(v -> if(JSONType(v) = 'String', JSONExtractString(v), v), {items})"
