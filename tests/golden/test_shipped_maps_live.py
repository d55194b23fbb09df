"""The shipped maps against what the connectors really describe, asked of both vendors' sandboxes over sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.core.model import Schema, Side
from syncd.fieldmaps import check, find_all
from syncd.kit.connector import Connector, SystemSettings
from syncd.kit.sandbox import SandboxServer
from syncd_hubspot import HubSpot
from syncd_hubspot.sandbox import HubSpotSandbox
from syncd_jobnimbus import JobNimbus
from syncd_jobnimbus.sandbox import JobNimbusSandbox

MAPS = ["hubspot-jobnimbus/contacts.yaml", "hubspot-jobnimbus/deals-jobs.yaml"]
SYSTEMS = {Side.LEFT: "hubspot", Side.RIGHT: "jobnimbus"}


@pytest.fixture(scope="module")
def connectors() -> Iterator[dict[Side, Connector]]:
    """A connector on each side, with some people's records already there."""
    left, right = HubSpotSandbox(), JobNimbusSandbox(settings={"index_lag": 0})
    for sandbox in (left, right):
        sandbox.seed({"leads": 5, "seed": 1})
    with SandboxServer(left) as hubspot, SandboxServer(right) as jobnimbus:
        crm = HubSpot(SystemSettings(system="hubspot", secret="sandbox-token", base_url=hubspot.url))
        shop = JobNimbus(SystemSettings(system="jobnimbus", secret="sandboxkey0000001", base_url=jobnimbus.url))
        yield {Side.LEFT: crm, Side.RIGHT: shop}
        crm.close()
        shop.close()


def test_shipped_maps_load_against_what_the_connectors_describe(connectors: dict[Side, Connector]) -> None:
    """No field, option or type of the shipped maps is other than the connectors say, and no rule is left out."""

    def describe(side: Side, kind: str) -> Schema:
        return connectors[side].describe(kind)

    found = check(find_all(MAPS), pair="sales", systems=SYSTEMS, describe=describe)
    assert [str(problem) for loaded in found for problem in loaded.errors] == []
    assert [str(p) for loaded in found for p in loaded.warnings if "left out" in p.message] == []
    assert all(loaded.map is not None and len(loaded.map.rules) > 10 for loaded in found)
