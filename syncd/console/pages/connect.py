"""One more system, with its key tried at its vendor, and paired with one that is there: a pair that only plans.

What is not here: another key of a known system, and a pair's settings (`pages.systems`).
"""

from __future__ import annotations

from syncd.console.ask import Ask, Deed, Done, Facts, Page, Role
from syncd.console.desk import Desk
from syncd.console.words import title
from syncd.service.connecting import Wish

OPTION = "option-"
"""How a field of the form is called that one connector asks for."""


def show(desk: Desk, ask: Ask) -> Facts:
    """What can be connected, and what is asked for it."""
    del ask
    to = desk.connecting
    return {
        "offers": [(title(one.connector), one) for one in to.offers()], "option": OPTION, "may": to.may,
        "folder": str(to.folder), "file": desk.config.path.name,
    }  # fmt: skip


def _connect(desk: Desk, ask: Ask) -> Done:
    """Connect it, if its vendor takes the key."""
    name, form = ask.need("name"), ask.form
    options = {key.removeprefix(OPTION): value for key, value in form.items() if key.startswith(OPTION)}
    told = {key: form.get(key, "").strip() for key in ("timezone", "across")}
    wish = Wish(name=name, connector=ask.need("connector"), key=form.get("key", ""), options=options, **told)
    pair = desk.connecting.connect(wish)
    then = f"The pair {pair} reads both and only plans." if pair else "Nothing is read of it before a pair names it."
    detail = {"connector": wish.connector, "across": wish.across}
    return Done(text=f"{name} is connected. {then}", subject=name, detail=detail, to="/systems")


PAGES = (Page("/systems/connect", "connect.html", "Connect a system", show, role=Role.ADMIN),)
DEEDS = (Deed("/systems/connect", "system.connect", _connect, Role.ADMIN),)
