"""The files of a record and of whom it is linked with: each vendor is asked now.

That spends a vendor's budget, so only who may decide has them asked. What is not here: what a vendor is asked
(`engine.attached`), and what is in a file, which is seen in the vendor's own pages.
"""

from __future__ import annotations

from syncd.console.ask import Ask, Facts, Page, Role
from syncd.console.desk import Desk
from syncd.console.finder import called
from syncd.console.pages.record import ref_in, shot_of
from syncd.engine.answers import ref_of


def show(desk: Desk, ask: Ask) -> Facts:
    """Side by side, with a link to each record's page at its vendor."""
    world, ref = desk.world, ref_in(desk.world, ask)
    found = [{**row, "ref": ref_of(row["ref"])} for row in desk.files(str(ref))]
    with world.store.read() as tx:
        shot = shot_of(tx, ref)
    for row in found:
        row["url"] = world.connectors[row["ref"].system].url(row["ref"].kind, row["ref"].id)
    return {"ref": ref, "rows": found, "name": called(world, shot) if shot is not None else ref.id}


PAGES = (
    Page("/records/{system}/{kind}/{id}/files", "files.html", "Files", show, role=Role.OPERATOR, needs=True),
)  # fmt: skip
