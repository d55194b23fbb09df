"""The files API: the details of one file.

What is not here: uploads, searches, folders, signed URLs and what is in a file.
"""

from __future__ import annotations

from syncd_hubspot.sandbox.call import Answer, Call, whole_id
from syncd_hubspot.sandbox.errors import not_found

READ_SCOPES = ("files", "files.read")
"""Either of these opens the details of files."""


def get_file(call: Call) -> Answer:
    """GET one file by id."""
    call.gate.allow(call.token, (), READ_SCOPES)
    found = call.portal.files.get(whole_id(call.path["id"]))
    if found is None:
        raise not_found()
    return found.wire(), 200
