"""What the Salesforce connector takes for an org's own host, before anything is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.errors import ConfigError
from syncd.kit.connector import SystemSettings
from syncd_salesforce import Salesforce


def of_domain(my_domain: str, **more: Any) -> Salesforce:
    """A connector that is told this My Domain; it asks nothing."""
    options = {"client_id": "k", "my_domain": my_domain, **more.pop("options", {})}
    return Salesforce(SystemSettings(system="sf", secret="s" * 9, options=options, **more))


@pytest.mark.parametrize(
    ("my_domain", "why"),
    [
        ("login.salesforce.com", "belongs to all orgs"),
        ("https://Test.Salesforce.com/", "belongs to all orgs"),
        ("acme.lightning.force.com", "pages for people"),
        ("acme", "not a whole host"),
        ("acme.my.salesforce.com/lightning/page", "more than a host"),
        ("https://acme.my.salesforce.com/services", "more than a host"),
        ("acme.my.salesforce.com?x=1", "more than a host"),
        ("acme my.salesforce.com", "more than a host"),
        ("https://", "is missing"),
    ],
)
def test_a_domain_that_is_no_orgs_own_is_told_at_once(my_domain: str, why: str) -> None:
    """Before anything is asked, with the setting and the remedy."""
    with pytest.raises(ConfigError, match=why) as caught:
        of_domain(my_domain)
    (problem,) = caught.value.problems
    assert problem.place == "systems.sf.my_domain"
    assert "acme.my.salesforce.com" in problem.remedy


@pytest.mark.parametrize(
    "my_domain",
    [
        "acme.my.salesforce.com", "https://acme--dev.sandbox.my.salesforce.com/", "crm.example.com", "127.0.0.1:9103",
        "localhost:9103", "http://127.0.0.1:9103",
    ],
)  # fmt: skip
def test_a_domain_that_may_be_an_orgs_own_is_taken(my_domain: str) -> None:
    """With a scheme or a slash, of a sandbox, of the org's own naming, on this machine."""
    of_domain(my_domain).close()


def test_only_what_is_used_of_an_address_is_judged(tmp_path: Path) -> None:
    """A `base_url` stands for itself, and only client credentials are refused by the hosts of all orgs."""
    of_domain("acme", base_url="https://proxy/salesforce").close()
    ways = {"auth": "refresh_token", "token_file": str(tmp_path / "token")}
    of_domain("login.salesforce.com", options=ways).close()
