"""A file of the account as the files API tells it. What is in it is not kept.

What is not here: paths (`file_api`), and how a file comes to hang on a record (`acts`: by a note).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncd_hubspot.sandbox.times import iso


@dataclass(frozen=True, slots=True)
class File:
    """One file. `name` is without the extension; `created` is epoch ms."""

    id: int
    name: str
    extension: str
    size: int
    created: int

    def wire(self) -> dict[str, Any]:
        """The file as the API shows it."""
        found: dict[str, Any] = {
            "id": str(self.id),
            "name": self.name,
            "size": self.size,
            "access": "PRIVATE",
            "createdAt": iso(self.created),
            "updatedAt": iso(self.created),
            "archived": False,
        }
        return found | ({"extension": self.extension} if self.extension else {})
