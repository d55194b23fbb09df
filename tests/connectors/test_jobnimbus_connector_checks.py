"""What `syncd check` says of a JobNimbus account, against its sandbox."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from syncd.errors import ConfigError
from syncd.kit.connector import Finding, Severity
from tests.connectors.jobnimbus_connector_bench import KEY, account, connect


def findings(found: list[Finding], severity: Severity) -> dict[str, str]:
    """Subjects and messages of one severity."""
    return {each.subject: each.message for each in found if each.severity is severity}


def test_check_names_the_settings_page_for_a_wrong_key() -> None:
    """One error, with the way to a new key."""
    with account() as one:
        stranger = connect(one.url, secret="not-the-key-00000")
        (only,) = stranger.check()
        stranger.close()
        assert only.severity is Severity.ERROR
        assert "Settings > API" in only.remedy


def test_check_says_once_that_nobody_answers() -> None:
    """Whoever is offline waits for one request, and reads one line."""
    with closing(connect("http://127.0.0.1:1")) as nowhere:
        (only,) = nowhere.check()
        assert (only.severity, only.subject) == (Severity.ERROR, "connection")
        assert "no connection to 127.0.0.1" in only.message


def test_check_goes_on_beside_account_settings_that_fail() -> None:
    """An answer is no trouble of the connection: it is told of what was asked for, and all else is still told."""
    with account(options={"timezone": None}) as one:
        one.remote.faults({"fault": "500", "path": "/account/settings$"})
        found = list(one.connector.check())
        assert set(findings(found, Severity.ERROR)) == {"account settings"}
        assert {"users", "contacts", "jobs"} <= set(findings(found, Severity.OK))
        assert "timezone" in findings(found, Severity.WARNING)


def test_check_ends_where_everything_fails() -> None:
    """Each look is tried again for a while: two that fail are enough to say so."""
    with account() as one:
        one.remote.faults({"fault": "500"})
        assert [finding.subject for finding in one.connector.check()] == ["account settings", "users"]


def test_check_says_once_that_the_connection_breaks() -> None:
    """Whose answers are lost on the way is told so after one request too."""
    with account() as one:
        one.remote.faults({"fault": "reset"})
        (only,) = one.connector.check()
        assert (only.severity, only.subject) == (Severity.ERROR, "connection")


def test_check_names_what_the_access_profile_lacks() -> None:
    """A denied kind is an error about that kind, the rest is still looked at."""
    with account() as one:
        one.remote.act("key", key=KEY, profile="no-jobs")
        found = list(one.connector.check())
        assert set(findings(found, Severity.ERROR)) == {"jobs"}
        assert "contacts" in findings(found, Severity.OK)


def test_check_says_what_filters_do() -> None:
    """Broken filters are warnings in plain words; a missing zone too."""
    with account(filter_works=False, options={"timezone": None}) as one:
        for n in range(3):
            one.job(f"Roof {n}")
        found = list(one.connector.check())
        warnings = [each.message for each in found if each.severity is Severity.WARNING]
        assert "The filter by date_updated does not work in this account." in warnings
        assert "The exact filter does not work in this account." in warnings
        assert any("No timezone is set" in each for each in warnings)


def test_check_warns_of_more_than_ten_thousand() -> None:
    """The size of the first reading is told."""
    with account() as one:
        one.many("jobs", 10_001)
        assert "about 11 requests" in findings(list(one.connector.check()), Severity.WARNING)["jobs"]


def test_a_wrong_setting_stops_at_once() -> None:
    """Zone, rate and custom fields are read when the connector is built."""
    mistakes: list[dict[str, Any]] = [{"timezone": "Mars/Base"}, {"custom_fields": "jobs.roof=Roof"}]
    for wrong in mistakes:
        with pytest.raises(ConfigError):
            connect("http://127.0.0.1:1", **wrong)
