"""The demo's page as a web app: one page, drawn whole each time, and a few deeds.

What is not here: what is shown (`pulse`, `people`, `card`, `activity`) and what a deed does (`play`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from syncd.core.model import Side
from syncd.errors import SyncdError
from syncd.kit.control import ControlError
from syncd.kit.remote import Remote
from syncd.lab.page import activity, play
from syncd.lab.page.card import card
from syncd.lab.page.desk import Desk, Syncd, desk_of, now
from syncd.lab.page.people import SHOWN, Someone, everyone
from syncd.lab.page.pulse import pulse
from syncd.lab.page.words import ago, exact

HERE = Path(__file__).parent

GUARDS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
"""Nothing is fetched from elsewhere, nothing written into a record is ever run."""

State = Mapping[str, str]
"""What the address says: `person` (whose card), `q` (the search)."""

Deed = Callable[[Desk, State, Mapping[str, str]], State | None]


def build(
    app: Syncd, left: Remote, right: Remote, *,
    alive: Callable[[], bool] = lambda: True, since: Mapping[str, int] | None = None,
) -> Starlette:  # fmt: skip
    """The page over an open app and its two sandboxes.

    `alive`: whether the daemon runs. `since`: per system the first request that counts as syncd's; else from now.
    """
    page = Page(desk_of(app, left, right, alive=alive, since=since))
    deeds = [Route(f"/{name}", page.deed(do), methods=["POST"]) for name, do in DEEDS.items()]
    return Starlette(
        routes=[Route("/", page.show), *deeds, Mount("/static", StaticFiles(directory=HERE / "static"))],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


class Page:
    """Draws the page of one desk and lets a person act on it."""

    def __init__(self, desk: Desk) -> None:
        """Read the templates; everything that goes into them is escaped."""
        self.desk = desk
        self.templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)
        self.templates.trim_blocks = self.templates.lstrip_blocks = True
        self.templates.globals.update(exact=exact)

    async def show(self, request: Request) -> Response:
        """The page: whole for a browser, only its inside for htmx."""
        state = dict(request.query_params)
        return await run_in_threadpool(self._drawn, state, whole="hx-request" not in request.headers)

    def deed(self, do: Deed) -> Callable[[Request], Any]:
        """An endpoint that does something and draws the page as it is then."""

        async def endpoint(request: Request) -> Response:
            if "hx-request" not in request.headers:
                return Response("This page acts only on itself.", status_code=403, headers=GUARDS)
            form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
            state = dict(parse_qsl(urlsplit(request.headers.get("hx-current-url", "")).query))
            return await run_in_threadpool(self._done, do, state, form)

        return endpoint

    def _done(self, do: Deed, state: State, form: Mapping[str, str]) -> Response:
        moved: State | None = None
        try:
            moved = do(self.desk, state, form)
        except (ControlError, SyncdError, ValueError) as error:
            self.desk.say(f"That did not work: {error}", bad=True)
        answer = self._drawn(moved or state, whole=False)
        if moved is not None:
            answer.headers["hx-push-url"] = f"/?{urlencode(moved)}"
        return answer

    def _drawn(self, state: State, *, whole: bool) -> Response:
        template = self.templates.get_template("page.html" if whole else "inside.html")
        return HTMLResponse(template.render(self._facts(state)), headers=GUARDS)

    def _facts(self, state: State) -> dict[str, Any]:
        desk, moment = self.desk, now()
        people = everyone(desk)
        query = state.get("q", "").strip()
        found = [one for one in people if one.found_by(query.casefold().split())]
        one = _chosen(people, state.get("person", ""))
        questions = activity.questions(desk)
        mine = [row for row in questions if one is not None and row["person"] == f"left:{one.left}"]
        return {
            "pulse": pulse(desk),
            "people": found[:SHOWN],
            "found": len(found),
            "known": len(people),
            "q": query,
            "one": one,
            "asked": state.get("person", ""),
            "card": card(desk, one) if one is not None else [],
            "stream": activity.stream(desk),
            "mine": mine,
            "others": [row for row in questions if row not in mine],
            "overruled": activity.overruled(desk),
            "parked": activity.parked(desk),
            "runs": activity.runs(desk),
            "notes": desk.fresh_notes(),
            "titles": {str(side): desk.title(side) for side in Side},
            "ago": lambda at: ago(at, moment),
            "passed": lambda at: (moment - at).total_seconds(),
            "to": lambda person: "/?" + urlencode({"person": person, **({"q": query} if query else {})}),
        }


def _chosen(people: list[Someone], key: str) -> Someone | None:
    """Whose card is open; a card stays open when its person gets a counterpart."""
    side, _, id_ = key.partition(":")
    return next((one for one in people if id_ and id_ == (one.left if side == "left" else one.right)), None)


def _edit(desk: Desk, _state: State, form: Mapping[str, str]) -> State | None:
    play.edit(desk, Side(_need(form, "side")), *(_need(form, name) for name in ("kind", "id", "field", "value")))
    return None


def _take(desk: Desk, _state: State, form: Mapping[str, str]) -> State | None:
    play.take(desk, int(_need(form, "conflict")), _need(form, "choice"), form.get("value", ""))
    return None


def _lead(desk: Desk, _state: State, _form: Mapping[str, str]) -> State | None:
    return {"person": play.new_lead(desk)}


def _customer(desk: Desk, _state: State, _form: Mapping[str, str]) -> State | None:
    return {"person": play.new_customer(desk)}


def _clash(desk: Desk, state: State, _form: Mapping[str, str]) -> State | None:
    one = _chosen(everyone(desk), state.get("person", ""))
    if one is None:
        raise ControlError("choose a person in the list first")
    play.clash(desk, one)
    return None


def _trouble(desk: Desk, _state: State, _form: Mapping[str, str]) -> State | None:
    play.trouble(desk)
    return None


def _calm(desk: Desk, _state: State, _form: Mapping[str, str]) -> State | None:
    play.calm(desk)
    return None


def _retry(desk: Desk, _state: State, form: Mapping[str, str]) -> State | None:
    desk.app.retry(_need(form, "map"), _need(form, "ref"))
    return None


def _need(form: Mapping[str, str], name: str) -> str:
    if name not in form:
        raise ControlError(f"the form lacks {name}")
    return form[name]


DEEDS: Mapping[str, Deed] = {
    "edit": _edit, "take": _take, "lead": _lead, "customer": _customer, "clash": _clash, "trouble": _trouble,
    "calm": _calm, "retry": _retry,
}  # fmt: skip
