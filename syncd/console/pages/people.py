"""Who may use the console, the own account, and what everybody did. What is not here: signing in (`doors`, `site`)."""

from __future__ import annotations

from datetime import timedelta

from syncd.console.ask import Ask, Deed, Done, Facts, Page, Role
from syncd.console.desk import Desk
from syncd.console.doors import Doors, Locked
from syncd.errors import ConfigError, Problem

SHOWN = 50
TOKEN_LASTS = timedelta(days=365)


def _doors(desk: Desk) -> Doors:
    return Doors(desk.ready_store, desk.clock, desk.config.console)


def accounts(desk: Desk, ask: Ask) -> Facts:
    """Every account."""
    return {"accounts": _doors(desk).accounts(), "roles": [str(one) for one in Role]}


def me(desk: Desk, ask: Ask) -> Facts:
    """The own account: where it is signed in, and its programs."""
    name = ask.visitor.name
    with desk.ready_store.read() as tx:
        visits = tx.access.tokens(name, "visit", ask.now)
        programs = tx.access.tokens(name, "api", ask.now)
    return {"visits": visits, "programs": programs, "mine": ask.visitor.visit}


def deeds(desk: Desk, ask: Ask) -> Facts:
    """What people did, the newest first."""
    with desk.ready_store.read() as tx:
        rows = tx.deeds.last(before=ask.number("before"), limit=SHOWN + 1)
    return {"rows": rows[:SHOWN], "older": rows[SHOWN - 1].id if len(rows) > SHOWN else None}


def _invite(desk: Desk, ask: Ask) -> Done:
    name = ask.need("name")
    role = Role.of(ask.form["role"]) if ask.form.get("role") else None
    secret = _doors(desk).invite(name, role)
    home = desk.config.console.url or f"http://{desk.config.web.listen}"
    text = f"Give {name} this link. It works once, for two days, and chooses a password."
    return Done(text=text, subject=name, detail={"role": str(role or "")}, secret=f"{home}/welcome/{secret}")


def _role(desk: Desk, ask: Ask) -> Done:
    name, role, before = ask.need("name"), Role.of(ask.need("role")), ask.form.get("before", "")
    _doors(desk).give_role(name, role)
    undo = ("/people/role", {"name": name, "role": before, "before": str(role)}) if before else None
    return Done(text=f"{name} is {role} now.", subject=name, detail={"role": str(role)}, undo=undo)


def _end(desk: Desk, ask: Ask) -> Done:
    name = ask.need("name")
    if name == ask.visitor.name:
        raise ConfigError(Problem(f"account {name}", "is your own.", "Another admin may end it."))
    _doors(desk).shut_out(name)
    return Done(text=f"{name} is let in no longer. An invitation would let {name} in again.", subject=name)


def _password(desk: Desk, ask: Ask) -> Done:
    if ask.form.get("new") != ask.form.get("again"):
        raise ConfigError(Problem("the new password", "differs from its repetition.", "Type both once more."))
    try:
        changed = _doors(desk).change_password(ask.visitor, ask.form.get("old", ""), ask.form.get("new", ""))
    except Locked as locked:
        raise ConfigError(Problem("the old password", "was wrong too often.", str(locked))) from locked
    if not changed:
        raise ConfigError(Problem("the old password", "is wrong.", "Type it once more."))
    return Done(text="The password is changed. Other browsers are signed out.", subject=ask.visitor.name)


def _token(desk: Desk, ask: Ask) -> Done:
    label = ask.need("label")
    secret = _doors(desk).give_token(ask.visitor.name, label, TOKEN_LASTS)
    return Done(text=f"The token of {label}, for a year. It is shown this once.", subject=label, secret=secret)


def _end_token(desk: Desk, ask: Ask) -> Done:
    try:
        digest = bytes.fromhex(ask.need("digest"))
    except ValueError:
        raise ConfigError(Problem("the token", "is not known.", "Load the page anew.")) from None
    with desk.ready_store.begin() as tx:
        own = {one.digest for kind in ("visit", "api") for one in tx.access.tokens(ask.visitor.name, kind, ask.now)}
        ended = digest in own and tx.access.end(digest)
    if not ended:
        raise ConfigError(Problem("the token", "is over already, or not yours.", "Load the page anew."))
    return Done(text="It lets nobody in any more.", subject=ask.visitor.name)


PAGES = (
    Page("/people", "people.html", "People", accounts, nav="People", role=Role.ADMIN),
    Page("/me", "me.html", "Your account", me),
    Page("/deeds", "deeds.html", "What people did", deeds, role=Role.OPERATOR),
)
DEEDS = (
    Deed("/people/invite", "account.invite", _invite, Role.ADMIN),
    Deed("/people/role", "account.role", _role, Role.ADMIN),
    Deed("/people/end", "account.end", _end, Role.ADMIN),
    Deed("/me/password", "account.password", _password, Role.VIEWER),
    Deed("/me/token", "token.make", _token, Role.VIEWER),
    Deed("/me/end", "token.end", _end_token, Role.VIEWER),
)
