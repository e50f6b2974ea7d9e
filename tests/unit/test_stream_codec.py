"""The stored form of records in the stream file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.stream.base import Message, Record
from shared.stream.sqlite.codec import decode, encode

names = st.text(st.characters(exclude_categories=["Cs"]))
stored_messages = st.lists(
    st.builds(Message, st.binary(), st.binary(), st.lists(st.tuples(names, st.binary())).map(tuple))
)


@given(stored_messages, st.integers(0, 1 << 47))
def test_what_is_encoded_comes_back_at_its_position(sent: list[Message], first_offset: int) -> None:
    assert decode(encode(sent), 3, first_offset, 1_800_000_000_000) == [
        Record(3, first_offset + index, 1_800_000_000_000, *message) for index, message in enumerate(sent)
    ]
