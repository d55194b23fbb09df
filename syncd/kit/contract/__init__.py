"""The contract tests that every connector passes against its vendor's sandbox, over a real socket.

What is not here: a vendor. Its tests subclass `ConnectorContract`, fill in the hooks of `bench.Hooks`, and are done;
what a vendor cannot do is skipped only where its `Capabilities` say so. Needs pytest; nothing else imports this.
"""

from __future__ import annotations

from syncd.kit.contract.archives import ArchiveContract
from syncd.kit.contract.bench import Bench, Hooks, Memory, must, open_bench, same
from syncd.kit.contract.feeds import FeedContract
from syncd.kit.contract.reads import ReadContract
from syncd.kit.contract.setup import SetupContract
from syncd.kit.contract.writes import WriteContract

__all__ = ["Bench", "ConnectorContract", "Hooks", "Memory", "must", "open_bench", "same"]


class ConnectorContract(SetupContract, FeedContract, ReadContract, WriteContract, ArchiveContract):
    """Every promise of `kit.connector`, as tests."""
