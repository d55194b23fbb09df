"""The contract tests that every connector passes against its vendor's sandbox, over a real socket.

What is not here: a vendor. Its tests subclass `ConnectorContract` and the contract of each capability that it has, fill
in the hooks of `bench.Hooks`, and are done. Needs pytest; nothing else imports this.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.kit.contract.archives import ArchiveContract, TombstoneContract
from syncd.kit.contract.bench import Bench, Hooks, Memory, must, open_bench, same
from syncd.kit.contract.feeds import FeedContract
from syncd.kit.contract.files import FilesContract
from syncd.kit.contract.history import HistoryContract
from syncd.kit.contract.keys import SyncKeyContract
from syncd.kit.contract.reads import ReadContract
from syncd.kit.contract.setup import SetupContract
from syncd.kit.contract.webhooks import WebhookContract
from syncd.kit.contract.writes import WriteContract

__all__ = [
    "ArchiveContract", "Bench", "ConnectorContract", "FilesContract", "HistoryContract", "Hooks", "Memory",
    "SyncKeyContract", "TombstoneContract", "WebhookContract", "must", "open_bench", "same",
]  # fmt: skip

CAPABILITIES: Mapping[str, type] = {
    "archive": ArchiveContract,
    "files": FilesContract,
    "history": HistoryContract,
    "sync_key": SyncKeyContract,
    "tombstones": TombstoneContract,
    "webhooks": WebhookContract,
}
"""What a vendor may be able to do, and the contract of it."""


class ConnectorContract(SetupContract, FeedContract, ReadContract, WriteContract):
    """Every promise of `kit.connector` that holds for all vendors, as tests."""

    def test_what_is_declared_is_tested_and_nothing_else(self, bench: Bench, kind: str) -> None:
        """Each capability has its contract among the bases of this class; what is not declared tells nothing."""
        connector, can = bench.connector, bench.connector.capabilities
        for name, contract in CAPABILITIES.items():
            same(isinstance(self, contract), getattr(can, name), f"{contract.__name__}, where {name} is declared so")
        same(connector.receiver is not None, can.webhooks, "a receiver, as webhooks are declared")
        if not can.history:
            rid = bench.person_creates(kind, 1)
            name, _ = bench.person_edits(kind, rid, 7)
            same(list(connector.history(kind, rid, name)), [], "history that is not declared")
        if not can.files:
            same(list(connector.files(kind, bench.person_creates(kind, 2))), [], "files that are not declared")
