"""Damages of files: what disks, memories and networks do to bytes."""

import os

import numpy as np

# How many of each test; `make faults` asks for more.
COUNT = int(os.environ.get("AUMANN_FAULTS", "60"))


def damaged(content: bytes, draw: np.random.Generator) -> tuple[bytes, str]:
    """Return other bytes of the same length, and what was done to them."""
    while True:
        changed = bytearray(content)
        at = int(draw.integers(len(content)))
        size = min(int(draw.choice([1, 4, 16, 64, 512])), len(content) - at)
        kind = draw.choice(["bit", "byte", "zeros", "ones", "noise", "moved", "swapped"])
        if kind == "bit":
            changed[at] ^= 1 << int(draw.integers(8))
        elif kind == "byte":
            changed[at] = int(draw.integers(256))
        elif kind == "moved":
            start = int(draw.integers(len(content) - size + 1))
            changed[at : at + size] = content[start : start + size]
        elif kind == "swapped":
            changed[at : at + size] = content[at : at + size][::-1]
        else:
            fill = {"zeros": bytes(size), "ones": b"\xff" * size, "noise": draw.bytes(size)}
            changed[at : at + size] = fill[kind]
        if changed != content:
            return bytes(changed), f"{kind} of {size} at {at} of {len(content)}"
