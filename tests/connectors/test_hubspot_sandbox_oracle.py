"""The official HubSpot client against the sandbox: an independent witness that it speaks HubSpot's v3 and v4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.associations import v4
from hubspot.crm.contacts import (
    ApiException,
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchReadInputSimplePublicObjectId,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.properties import PropertyCreate

from tests.connectors.hubspot_sandbox_desk import TOKEN, Desk, desk


@pytest.fixture
def hs() -> Iterator[Desk]:
    with desk() as made:
        yield made


@pytest.fixture
def client(hs: Desk) -> Any:
    return HubSpot(access_token=TOKEN, host=hs.url)


def _make(client: Any, **properties: str) -> Any:
    return client.crm.contacts.basic_api.create(SimplePublicObjectInputForCreate(properties=properties))


def test_the_client_creates_reads_updates_and_archives(client: Any) -> None:
    """One record through its life, with typed times and the full list."""
    made = _make(client, email="ana@example.com")
    assert made.created_at.tzinfo is not None
    client.crm.contacts.basic_api.update(made.id, SimplePublicObjectInput(properties={"city": "Mobile"}))
    read = client.crm.contacts.basic_api.get_by_id(made.id, properties=["city"], properties_with_history=["city"])
    assert read.properties["city"] == "Mobile"
    assert read.properties_with_history["city"][0].source_type == "INTEGRATION"
    assert [each.id for each in client.crm.contacts.get_all()] == [made.id]
    client.crm.contacts.basic_api.archive(made.id)
    assert client.crm.contacts.get_all(archived=True)[0].archived is True


def test_the_client_searches(client: Any) -> None:
    """A typed search request finds what was made."""
    made = _make(client, lastname="Ng")
    filters = [{"propertyName": "lastname", "operator": "EQ", "value": "ng"}]
    request = PublicObjectSearchRequest(filter_groups=[{"filters": filters}], properties=["lastname"], limit=10)
    found = client.crm.contacts.search_api.do_search(public_object_search_request=request)
    assert (found.total, found.results[0].id) == (1, made.id)


def test_the_client_reads_and_writes_batches(client: Any) -> None:
    """Batch create, update and read are typed, the 207 included."""
    inputs = [{"properties": {"email": f"a{n}@example.com"}, "associations": []} for n in range(3)]
    made = client.crm.contacts.batch_api.create(BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs))
    ids = [each.id for each in made.results]
    changes = [{"id": id, "properties": {"city": "Mobile"}} for id in ids]
    client.crm.contacts.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=changes))
    request = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": id} for id in [*ids, "999"]], properties=["city"], properties_with_history=[]
    )
    found = client.crm.contacts.batch_api.read(request)
    assert type(found).__name__ == "BatchResponseSimplePublicObjectWithErrors"
    assert [each.properties["city"] for each in found.results] == ["Mobile"] * 3
    assert found.errors[0].context["ids"] == ["999"]


def test_the_client_sees_refusals(client: Any) -> None:
    """A taken address and a missing record raise with HubSpot's status and body."""
    made = _make(client, email="ana@example.com")
    with pytest.raises(ApiException) as taken:
        _make(client, email="ana@example.com")
    assert taken.value.status == 409
    assert f"Existing ID: {made.id}" in taken.value.body
    with pytest.raises(ApiException) as lost:
        client.crm.contacts.basic_api.get_by_id("999")
    assert lost.value.status == 404


def test_the_client_associates(client: Any) -> None:
    """v4 associations are made, listed and batch-read."""
    made = _make(client, lastname="Ng")
    deal = client.crm.deals.basic_api.create(
        {"properties": {"dealname": "Roof", "dealstage": "qualifiedtobuy"}, "associations": []}
    )
    api = client.crm.associations.v4
    api.basic_api.create_default("deals", deal.id, "contacts", made.id)
    page = api.basic_api.get_page("deals", deal.id, "contacts")
    assert str(page.results[0].to_object_id) == made.id
    request = v4.BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": deal.id}])
    found = api.batch_api.get_page("deals", "contacts", request)
    assert found.results[0].to[0].association_types[0].type_id == 3
    api.basic_api.archive("deals", deal.id, "contacts", made.id)
    assert api.basic_api.get_page("deals", deal.id, "contacts").results == []


def test_the_client_merges(client: Any) -> None:
    """The answer to a merge is a new record."""
    one, two = _make(client, lastname="Ng"), _make(client, lastname="Ngo")
    request = PublicMergeInput(primary_object_id=one.id, object_id_to_merge=two.id)
    merged = client.crm.contacts.basic_api.merge(request)
    assert merged.id not in {one.id, two.id}
    assert client.crm.contacts.basic_api.get_by_id(two.id).id == merged.id


def test_the_client_lists_the_account(client: Any) -> None:
    """Properties, a new property, pipelines and owners pass the client's own checks of required fields."""
    names = {each.name for each in client.crm.properties.core_api.get_all(object_type="contacts").results}
    assert {"email", "lastmodifieddate", "hubspot_owner_id"} <= names
    definition = PropertyCreate(
        name="syncd_id",
        label="Sync id",
        type="string",
        field_type="text",
        group_name="contactinformation",
        has_unique_value=True,
    )
    assert client.crm.properties.core_api.create(object_type="contacts", property_create=definition).has_unique_value
    pipelines = client.crm.pipelines.pipelines_api.get_all(object_type="deals").results
    assert [len(each.stages) for each in pipelines] == [7, 4]
    assert len(client.crm.owners.get_all()) == 5
