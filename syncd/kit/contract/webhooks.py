"""What a receiver of webhooks promises: its own address, and no belief without a secret.

What is not here: what a vendor's hints say (each connector's own tests).
"""

from __future__ import annotations

import pytest

from syncd.kit.connector import SystemSettings
from syncd.kit.contract.bench import Bench, Contract, must, same
from syncd.kit.contract.setup import WRONG
from syncd.kit.webhook import Delivery, Unproven


class WebhookContract(Contract):
    """Tests of `Connector.receiver`, for connectors that declare `webhooks`."""

    def test_a_receiver_believes_nobody_without_a_secret(self, bench: Bench) -> None:
        """It listens at the system's own address, and a stranger's delivery is unproven."""
        connector = bench.connector
        must(connector.receiver is not None, "who declares webhooks has what receives them")
        if connector.receiver is not None:
            receiver = connector.receiver(SystemSettings(system="mine", secret="", webhook_secret=WRONG))
            same(receiver.path, "mine", "the system's own address")
            stranger = Delivery(method="POST", url="", body=b"[]", at=connector.now(), query={}, headers={})
            with pytest.raises(Unproven):
                receiver.hints(stranger)
