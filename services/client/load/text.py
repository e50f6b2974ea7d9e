"""Text of any length that compresses as prompts do, drawn cheaply: slices of one seeded corpus.

Repeated characters, or one body sent over and over, would compress to nothing in the stream and in the store, and make
both look faster and smaller than they are. English prose comes down to about a third under zstd, and so does this
(tests/unit/client/test_bodies.py holds it to that).
"""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Final

CORPUS_BYTES: Final = 8_000_000
"""Some 3,500 bodies of 2.2 KB until text comes again: more than what one compressed block of the store holds."""

_WORDS: Final = """
the of and to in a is that for it as was with be by on not this are or his from at which but have an had they you were
their one all we can has there been if more when will would who so no out up into do any your what than its time about
first could only other new some very after most also made over did many before must through back where much way down
should because each just those people state good how little world still work long here between both life being under
never same another know while last might us great old year off come since against go came right used take three small
order invoice customer account refund policy delivery address support ticket question answer context document section
summary paragraph translate classify sentiment category label example format table column value number amount currency
language French German Spanish English Japanese polite short precise detailed list bullet points steps reason explain
compare improve rewrite shorter longer tone friendly formal technical code function variable class method return error
exception stack trace query database index schema record field model temperature token prompt system assistant user
message conversation history memory tool call argument result search source citation passage relevant evidence unknown
cannot confirm please provide additional information before proceed otherwise ignore instructions above following below
product description price discount available shipping weekdays holiday manager team meeting schedule report quarterly
revenue forecast growth market analysis strategy customer's don't it's we've patient symptoms treatment dose contract
clause liability termination agreement party jurisdiction weather temperature forecast travel hotel flight booking
"""
_STEP: Final = 4_944_271
"""Near the golden section of the corpus, which spreads successive texts evenly over it; and without a divisor in common
with it, so that all offsets come before one comes again."""


@cache
def _corpus() -> bytes:
    """Words, the commoner the earlier they are in the list (Zipf's law); with numbers and marks between them."""
    random = Random(0)
    count = CORPUS_BYTES // 4
    known = _WORDS.split()
    weights = [1 / (rank + 3) for rank in range(len(known))]
    words = random.choices(known, weights, k=count)
    for position in range(0, count, 9):
        words[position] = f"{words[position]}{random.choice('.,;:?!')}"
    for position in range(4, count, 23):
        words[position] = str(random.randrange(100_000))
    text = " ".join(words).encode("ascii")
    assert len(text) >= CORPUS_BYTES
    return text[:CORPUS_BYTES]


def text(number: int, length: int) -> bytes:
    """The text of this number: `length` bytes of ASCII that need no escaping in JSON."""
    corpus = _corpus()
    start = number * _STEP % CORPUS_BYTES
    piece = corpus[start : start + length]
    while len(piece) < length:
        piece += corpus[: length - len(piece)]
    return piece
