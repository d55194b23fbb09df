"""The shipped maps against what the connectors really describe, asked of both vendors' sandboxes over sockets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from syncd.core.model import Schema, Side
from syncd.fieldmaps import check, find_all, names, shipped
from syncd.kit.connector import Connector, SystemSettings
from syncd.kit.sandbox import Sandbox, SandboxServer
from syncd_hubspot import HubSpot
from syncd_hubspot.sandbox import HubSpotSandbox
from syncd_jobnimbus import JobNimbus
from syncd_jobnimbus.sandbox import JobNimbusSandbox
from syncd_salesforce import Salesforce
from syncd_salesforce.sandbox import SalesforceSandbox

SANDBOXES: Mapping[str, type[Sandbox]] = {
    "hubspot": HubSpotSandbox, "salesforce": SalesforceSandbox, "jobnimbus": JobNimbusSandbox,
}  # fmt: skip
LEFTS = ("hubspot", "salesforce")
RIGHT = "jobnimbus"


def connector(name: str, url: str) -> Connector:
    """A connector as an operator would set it up."""
    if name == "hubspot":
        return HubSpot(SystemSettings(system=name, secret="sandbox-token", base_url=url))
    if name == "jobnimbus":
        return JobNimbus(SystemSettings(system=name, secret="sandboxkey0000001", base_url=url))
    options = {"client_id": "sandbox-consumer-key"}
    return Salesforce(SystemSettings(system=name, secret="sandbox-consumer-secret", base_url=url, options=options))


@pytest.fixture(scope="module")
def connectors() -> Iterator[dict[str, Connector]]:
    """A connector of each vendor, with some people's records already there."""
    with ExitStack() as stack:
        found: dict[str, Connector] = {}
        for name, kind in SANDBOXES.items():
            sandbox = kind(settings={"index_lag": 0} if name == RIGHT else {})
            sandbox.seed({"leads": 5, "seed": 1})
            found[name] = connector(name, stack.enter_context(SandboxServer(sandbox)).url)
            stack.callback(found[name].close)
        yield found


@pytest.mark.parametrize("left", LEFTS)
def test_shipped_maps_load_against_what_the_connectors_describe(left: str, connectors: dict[str, Connector]) -> None:
    """No field, option or type of the shipped maps is other than the connectors say, and no rule is left out."""
    systems = {Side.LEFT: left, Side.RIGHT: RIGHT}

    def describe(side: Side, kind: str) -> Schema:
        return connectors[systems[side]].describe(kind)

    maps = [name for name in names(shipped()) if name.startswith(f"{left}-{RIGHT}/")]
    found = check(find_all(maps), pair="sales", systems=systems, describe=describe)
    assert [str(problem) for loaded in found for problem in loaded.errors] == []
    assert [str(p) for loaded in found for p in loaded.warnings if "left out" in p.message] == []
    assert all(loaded.map is not None and len(loaded.map.rules) > 10 for loaded in found)
