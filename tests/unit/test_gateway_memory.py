from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import Final

import pytest

BLOCKS_FROM_THE_SYSTEM: Final = """
import ctypes
from services.ingest_gateway.memory import give_back_big_blocks

class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd a b c d e".split()]

mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Mallinfo
{call}
block = bytearray(8 << 20)
del block
before = mallinfo().hblks
block = bytearray(2 << 20)
print(mallinfo().hblks - before)
"""


def blocks_from_the_system(call: str) -> int:
    """Of one block, in a new process, after a bigger one was freed."""
    program = BLOCKS_FROM_THE_SYSTEM.format(call=call)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="needs glibc 2.33, whose allocator this is about"
)
def test_big_blocks_come_from_the_system_after_a_bigger_one_was_freed() -> None:
    assert blocks_from_the_system("") == 0, "this is what is wrong without it"
    assert blocks_from_the_system("assert give_back_big_blocks()") == 1
