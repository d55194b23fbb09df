"""What a connector promises of itself: its schema, its check, its secrets.

What is not here: records.
"""

from __future__ import annotations

import pytest

from syncd.core.model import FieldKind
from syncd.errors import AuthError, SyncdError
from syncd.kit.connector import Severity
from syncd.kit.contract.bench import TIMING, Bench, Contract, must, same

WRONG = "wrong0key0wrong0key"
"""A key no account has."""


class SetupContract(Contract):
    """Tests of `describe`, `check`, `url` and of what the class declares."""

    def test_every_field_is_described(self, bench: Bench, kind: str) -> None:
        """Each field the tests use stands in the schema with its label and type, and pick lists with their options."""
        schema = bench.connector.describe(kind)
        same((schema.kind, bool(schema.users), bool(schema.timezone)), (kind, True, True), "kind, users, zone")
        for name in (*self.sample_fields(kind, 0), *self.edit(kind, 0)):
            must(name in schema.fields, f"{kind}.{name} is not described")
        for name, field in schema.fields.items():
            same(field.name, name, "a field stands under its own name")
            if field.kind is FieldKind.ENUM and name in self.sample_fields(kind, 0):
                must(field.options or field.open_options, f"the pick list {kind}.{name} has no options")
            if field.kind is FieldKind.REF:
                must(field.ref_kind, f"{kind}.{name} points nowhere")

    def test_a_schema_is_kept_until_it_is_forgotten(self, bench: Bench, kind: str) -> None:
        """A second look costs no request within `timing.fresh`; after `forget_schema` it does."""
        bench.connector.describe(kind)
        mark = bench.remote.mark()
        bench.connector.describe(kind)
        same(len(bench.remote.requests(mark)), 0, "requests for a schema that is fresh")
        bench.connector.forget_schema()
        bench.connector.describe(kind)
        must(bench.remote.requests(mark), "a forgotten schema must be asked for again")

    def test_an_account_is_one_for_good_or_untold(self, bench: Bench, kind: str) -> None:
        """What is told of it is told for nothing once the fields are described, and by every connector alike."""
        bench.people_create(kind, range(2))
        bench.remote.settle()
        other = self.make_connector(bench.url, TIMING)
        try:
            for one in (bench.connector, other):
                one.forget_schema()
                one.describe(kind)
            mark = bench.remote.mark()
            same(other.account(), bench.connector.account(), "the account")
            must(bench.connector.account() != "", "an account without a name")
            same(len(bench.remote.requests(mark)), 0, "requests for an account")
        finally:
            other.close()

    def test_a_good_account_passes_the_check(self, bench: Bench) -> None:
        """`check` finds no error with the right key, writes nothing, and tells what it looked at."""
        mark = bench.remote.mark()
        findings = bench.connector.check()
        must(findings, "a check that finds nothing at all helps nobody")
        errors = [one for one in findings if one.severity is Severity.ERROR]
        same(errors, [], "errors in a good account")
        same(bench.remote.writes(mark), [], "writes of a check")

    def test_a_wrong_key_is_a_finding_with_a_remedy(self, bench: Bench) -> None:
        """`check` does not raise for a wrong key: it tells the operator what to do."""
        stranger = self.make_connector(bench.url, TIMING, secret=WRONG)
        try:
            errors = [one for one in stranger.check() if one.severity is Severity.ERROR]
        finally:
            stranger.close()
        must(errors, "a wrong key must be an error")
        must(all(one.remedy for one in errors), f"errors without a remedy: {errors}")
        must(WRONG not in repr(errors), "the key stands in a finding")

    def test_a_vendor_that_is_down_is_a_finding(self, bench: Bench) -> None:
        """`check` does not raise when nothing answers."""
        bench.remote.faults({"fault": "503"})
        with bench.hasty() as hasty:
            errors = [one for one in hasty.connector.check() if one.severity is Severity.ERROR]
        must(errors, "a vendor that is down must be an error")

    def test_a_wrong_key_is_an_auth_error_without_the_key(self, bench: Bench, kind: str) -> None:
        """Reading with a wrong key raises AuthError, and the key is in no text of it nor in the connector's repr."""
        stranger = self.make_connector(bench.url, TIMING, secret=WRONG)
        try:
            with pytest.raises(AuthError) as caught:
                stranger.read(kind, [self.missing_id], self.names_of(kind))
            must(WRONG not in str(caught.value) and WRONG not in repr(caught.value), "the key stands in the error")
            must(WRONG not in repr(stranger), "the key stands in the connector's repr")
        finally:
            stranger.close()

    @pytest.mark.parametrize("fault", ["truncate", "html", "503", "reset"])
    def test_a_spoiled_schema_is_no_schema(self, bench: Bench, kind: str, fault: str) -> None:
        """One spoiled answer is asked again; if all are spoiled `describe` raises and keeps nothing half."""
        wanted = set(self.names_of(kind))
        with bench.hasty() as hasty:
            bench.remote.faults({"fault": fault})
            with pytest.raises(SyncdError):
                hasty.connector.describe(kind)
            bench.remote.faults()
            must(wanted <= set(hasty.connector.describe(kind).fields), "fields are missing after a failure")
        bench.remote.faults({"fault": fault, "times": 1})
        must(wanted <= set(bench.connector.describe(kind).fields), "fields are missing")

    def test_a_record_has_an_address_or_none(self, bench: Bench, kind: str) -> None:
        """`url` gives https or nothing, and never our key."""
        url = bench.connector.url(kind, "1")
        must(url is None or url.startswith("https://"), f"{url} is not where a person would look")

    def names_of(self, kind: str) -> list[str]:
        """The fields the tests use."""
        return list(self.sample_fields(kind, 0))
