"""How a gateway gives the memory of big bodies back to the system.

glibc takes blocks of 128 KiB and more straight from the system, and raises that size, up to 32 MiB, whenever such a
block is freed. Bodies then come to lie in the heap between small objects that live longer, and what is freed there can
neither be given back nor be used for the next body if that is a little bigger: a gateway that may have 16 MiB of bodies
of 256 KiB in flight was seen to grow by 90 MiB in one run and by 250 MiB in the next.
"""

from __future__ import annotations

import ctypes
from typing import Final

BIG_BLOCK_BYTES: Final = 1 << 20
"""Measured with bodies of 256 KiB to 1 MiB: half the memory at most. A smaller one saves little more and costs time: at
256 KiB a gateway takes a sixth fewer logs of 200 KB."""

_M_MMAP_THRESHOLD: Final = -3
"""malloc.h of glibc."""


def give_back_big_blocks() -> bool:
    """Keep blocks of 1 MiB and more out of the heap for good; for the whole process.

    Not for one that writes rows, too: batches that come anew from the system each time cost a writer a tenth of its
    speed (`make bench`: 12,600 and 11,600 rows a second of processor time).

    Returns whether the allocator took it; one that is not glibc's stays as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_MMAP_THRESHOLD, BIG_BLOCK_BYTES) == 1
