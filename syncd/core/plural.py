"""How many of something, as people say it: `1 record`, `2 records`. What is not here: any other word of a sentence."""

from __future__ import annotations


def counted(count: int, one: str, many: str | None = None) -> str:
    """The count and its word; `many` where it is not `one` with an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"
