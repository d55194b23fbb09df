"""Connectors and sandboxes are found by name."""

from __future__ import annotations

import pytest

from syncd.errors import ConfigError
from syncd.kit import registry
from syncd.kit.sandbox import Sandbox


def test_what_is_installed_is_found() -> None:
    """Each vendor of this repository has a connector and a sandbox of its name."""
    assert {"hubspot", "jobnimbus"} <= set(registry.connectors()) & set(registry.sandboxes())
    assert registry.connector("hubspot").name == "hubspot"
    assert issubclass(registry.sandbox("hubspot"), Sandbox)


def test_an_unknown_name_tells_the_known_ones() -> None:
    """A misspelled connector is a mistake in the set-up with its remedy."""
    with pytest.raises(ConfigError, match=r"no connector named 'hubsport'.*Installed: hubspot, jobnimbus"):
        registry.connector("hubsport")
    with pytest.raises(ConfigError, match="no sandbox named"):
        registry.sandbox("nowhere")
