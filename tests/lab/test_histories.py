"""What the laws read out of a vendor's history. Not here: what must hold of it (`tests/e2e/test_laws.py`)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from syncd.core.model import Side
from syncd.lab.histories import Histories


def test_a_blank_typed_over_nothing_is_no_edit() -> None:
    """Some vendors tell that an unset field was set to an empty text; nothing was there before, and nothing is."""
    pairs = [("person", [None, ""]), ("api", ["", "Here"]), ("person", ["Here", ""])]
    changes = [{"at": f"2026-01-01T00:00:0{n}+00:00", "via": via, "fields": {"city": pair}}
               for n, (via, pair) in enumerate(pairs)]  # fmt: skip
    vendor: Any = SimpleNamespace(histories=lambda _kind: {"1": changes})
    m: Any = SimpleNamespace(end=lambda _side: SimpleNamespace(system="crm", kind="contacts"))
    found = Histories({"crm": vendor}).moments(m, Side.LEFT, "1", "city")
    assert [(one.via, one.value) for one in found] == [("", None), ("api", "Here"), ("person", None)]
