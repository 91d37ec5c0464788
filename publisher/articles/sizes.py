"""The size of a picture, read from its head.

Fails with OSError where the file cannot be read. A picture that is broken or says no size has none.
"""

from __future__ import annotations

import struct
from pathlib import Path

__all__ = ["picture_size"]


def picture_size(file: Path) -> tuple[int, int]:
    """Width and height in pixels; zeros where they are not known."""
    import imagesize  # and with it an HTTP client, which most builds need as little as this

    try:
        width, height = imagesize.get(file)
    except (ValueError, TypeError, LookupError, ArithmeticError, SyntaxError, struct.error):
        return 0, 0
    return max(0, int(width)), max(0, int(height))
