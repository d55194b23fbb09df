"""The script that a user would write: HubSpot's own client here, `requests` there, one record after another.

For each contact of HubSpot it looks for the same person in JobNimbus, by e-mail and then by phone, remembers the two
ids, and writes what differs. `script.py first HUBSPOT JOBNIMBUS` links everybody; `script.py changes ... SINCE LINKS`
carries what changed in HubSpot since then (unix milliseconds) to those that are linked.

Where it is ahead: it is sixty lines, and its first link needs no memory but a table of ids. Where it is not: it never
carries anything back, it writes over what a person typed a moment ago, a lost answer makes a duplicate, and it is
throttled as soon as the latency is low.
"""

import json
import sqlite3
import sys
import time

import requests
from hubspot import HubSpot

FIELDS = {
    "firstname": "first_name", "lastname": "last_name", "email": "email", "phone": "home_phone",
    "company": "company", "address": "address_line1", "city": "city", "state": "state_text", "zip": "zip",
}  # fmt: skip


def digits(value):
    return "".join(filter(str.isdigit, value or ""))[-10:]


class JobNimbus:
    def __init__(self, address):
        self.address = f"{address}/api1/contacts"
        self.session = requests.Session()
        self.session.headers["Authorization"] = "Bearer bench-secret-1234"

    def find(self, field, value):
        must = {"must": [{"term": {field: value}}]}
        answer = self.session.get(self.address, params={"filter": json.dumps(must), "size": "2"})
        answer.raise_for_status()
        found = answer.json()["results"]
        return found[0] if len(found) == 1 else None

    def get(self, jnid):
        answer = self.session.get(f"{self.address}/{jnid}")
        answer.raise_for_status()
        return answer.json()

    def update(self, jnid, fields):
        self.session.put(f"{self.address}/{jnid}", json=fields).raise_for_status()

    def create(self, fields):
        answer = self.session.post(self.address, json=fields)
        answer.raise_for_status()
        return answer.json()


def carried(properties):
    fields = {FIELDS[name]: properties.get(name) or "" for name in FIELDS}
    return fields | {"home_phone": digits(fields["home_phone"])}


def differing(fields, row):
    return {name: value for name, value in fields.items() if (row.get(name) or "") != value}


def first(hubspot, jobnimbus, links):
    after, count = None, 0
    while True:
        page = hubspot.crm.contacts.basic_api.get_page(limit=100, after=after, properties=list(FIELDS))
        for contact in page.results:
            fields = carried(contact.properties)
            row = jobnimbus.find("email", fields["email"]) or jobnimbus.find("home_phone", fields["home_phone"])
            if row is None:
                row = jobnimbus.create({**fields, "display_name": fields["email"]})
            elif changed := differing(fields, row):
                jobnimbus.update(row["jnid"], changed)
            links.execute("INSERT OR REPLACE INTO links VALUES (?, ?)", (contact.id, row["jnid"]))
            count += 1
        links.commit()
        if page.paging is None:
            return count
        after = page.paging.next.after


def changes(hubspot, jobnimbus, links, since):
    count, last = 0, "0"
    while True:
        body = {
            "filterGroups": [{"filters": [
                {"propertyName": "lastmodifieddate", "operator": "GTE", "value": since},
                {"propertyName": "lastmodifieddate", "operator": "LT", "value": str(int(time.time() * 1000) + 1)},
                {"propertyName": "hs_object_id", "operator": "GT", "value": last},
            ]}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(FIELDS), "limit": 100,
        }  # fmt: skip
        page = hubspot.crm.contacts.search_api.do_search(public_object_search_request=body)
        for contact in page.results:
            (jnid,) = links.execute("SELECT jnid FROM links WHERE hsid = ?", (contact.id,)).fetchone()
            if changed := differing(carried(contact.properties), jobnimbus.get(jnid)):
                jobnimbus.update(jnid, changed)
            count, last = count + 1, contact.id
        if len(page.results) < 100:
            return count


def main():
    what, hubspot_address, jobnimbus_address, table, *more = sys.argv[1:]
    hubspot = HubSpot(access_token="bench-secret-1234", host=hubspot_address)
    links = sqlite3.connect(table)
    links.execute("CREATE TABLE IF NOT EXISTS links (hsid TEXT PRIMARY KEY, jnid TEXT)")
    began = time.process_time()
    work = first if what == "first" else changes
    count = work(hubspot, JobNimbus(jobnimbus_address), links, *more)
    print(json.dumps({"records": count, "cpu": time.process_time() - began}))


if __name__ == "__main__":
    main()
