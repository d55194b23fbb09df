"""What every daemon does once when it begins: who is forked off a process that has imported this has it behind them.

What is not here: the forking (`forks`).
"""

from __future__ import annotations

from contextlib import closing

import httpx

from syncd.fieldmaps.library import shipped
from syncd.fieldmaps.source import Report, parse
from syncd.kit import http
from syncd.lab.crm import HUBSPOT
from syncd.lab.stage import keyed
from syncd.store import schema
from syncd.store.store import Store

httpx.Client(verify=http.authorities()).close()
with closing(Store("sqlite://")) as _store:
    schema.upgrade(_store)
for _name, _custom in HUBSPOT.maps.items():
    parse(keyed(shipped() / _name, _custom), _name, Report())
