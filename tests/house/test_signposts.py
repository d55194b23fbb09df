"""README, ROADMAP and the decisions point to what is there."""

from __future__ import annotations

import re

import pytest

from syncd.kit import registry
from syncd.kit.connector import Severity, SystemSettings
from syncd.kit.sandbox import SandboxServer
from tests.house.tree import ROOT, files

LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:syncd|connectors|tests|docs|mappings|migrations|tools)/[\w./-]*)`")


@pytest.mark.parametrize("name", ["README.md", "ROADMAP.md", "CHANGELOG.md"])
def test_every_link_leads_somewhere(name: str) -> None:
    """A link from one of the front pages into the checkout has a target (links inside docs/ are checked by mkdocs)."""
    targets = LINK.findall((ROOT / name).read_text(encoding="utf-8"))
    assert [target for target in targets if not (ROOT / target).is_file()] == []


def test_every_path_of_the_tour_exists() -> None:
    """ROADMAP names files and folders; each is there, so the tour can be walked."""
    paths = PATH.findall((ROOT / "ROADMAP.md").read_text(encoding="utf-8"))
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_decision_is_whole_and_listed() -> None:
    """A decision tells its situation, what was decided and what it costs, and stands in the list."""
    listed = (ROOT / "docs/decisions/index.md").read_text(encoding="utf-8")
    for path in files():
        if path.parts[:2] == ("docs", "decisions") and path.name != "index.md":
            text = (ROOT / path).read_text(encoding="utf-8")
            assert [part for part in ("**Situation.**", "**Decision.**", "**Cost.**") if part not in text] == [], path
            assert path.name in listed


@pytest.mark.parametrize(("name", "setting"), [("hubspot", "sandbox-token"), ("jobnimbus", "sandboxkey0000001")])
def test_the_tutorial_names_keys_that_the_sandboxes_know(name: str, setting: str) -> None:
    """The keys in the tutorial open the sandboxes as they are started there."""
    assert setting in (ROOT / "docs/tutorial/first-sync.md").read_text(encoding="utf-8")
    with SandboxServer(registry.sandbox(name)()) as server:
        found = registry.connector(name)(SystemSettings(system=name, secret=setting, base_url=server.url))
        try:
            assert [finding for finding in found.check() if finding.severity is Severity.ERROR] == []
        finally:
            found.close()
