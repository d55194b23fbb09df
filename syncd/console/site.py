"""The console as a web application: addresses, sign-in, pages and deeds, each request proved before anything is done.

What is not here: what the pages show and the deeds do (`pages`), programs' doors (`api`), and the port it is on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from syncd.console import guards
from syncd.console.api import VERBS, Api
from syncd.console.ask import Ask, Deed, Done, NotFound, Page, Visitor
from syncd.console.desk import Desk
from syncd.console.doors import AT_ONCE, Doors, Locked
from syncd.console.elsewhere import OUT, Elsewhere
from syncd.console.live import Live, TooMany
from syncd.console.oidc import BACK, Astray
from syncd.console.pages import DEEDS, PAGES
from syncd.console.render import HERE, environment
from syncd.errors import ConfigError, Problem, SyncdError

log = structlog.stdlib.get_logger("syncd.console")

Answers = Callable[[Request], Awaitable[Response]]

SAID = 2000
"""Letters of what a note says: it travels in a header, of which browsers take so much and no more."""

IN_ADDRESSES = "/?&=%#:;+,@!$'()*"
"""Signs that stand for themselves in an address that is made already."""


@dataclass(slots=True)
class Console:
    """The pages over one open set-up. `ready`: whether its daemon works."""

    desk: Desk
    ready: Callable[[], bool]
    doors: Doors
    live: Live
    _templates: Environment
    elsewhere: Elsewhere | None = None
    _passwords: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    """Whoever has no turn waits here: in the threads that pages need, anybody could have them all waiting."""

    @classmethod
    def of(cls, desk: Desk, ready: Callable[[], bool], over: Callable[[], bool] = lambda: False) -> Console:
        """Over this desk. `over`: whether nobody listens here any more."""
        store, clock = desk.ready_store, desk.clock
        doors = Doors(store, clock, desk.config.console)
        templates = environment({name: one.connector for name, one in desk.config.systems.items()})
        made = cls(desk, ready, doors, Live(store, over), templates)
        made.elsewhere = Elsewhere.of(doors, desk.config.web.listen, made._cookie, secure=made._secure)
        return made

    def app(self) -> Starlette:
        """All of it."""
        api = Api(self.desk, self.doors, self.ready)
        routes: list[BaseRoute] = [
            Mount("/static", Static(directory=HERE / "static")),
            Route("/login", self._answered(self._login), methods=["GET", "POST"]),
            Route(OUT, self._answered(self._oidc_out), methods=["GET"]),
            Route(BACK, self._answered(self._oidc_back), methods=["GET"]),
            Route("/logout", self._answered(self._logout), methods=["POST"]),
            Route("/welcome/{secret}", self._answered(self._welcome), methods=["GET", "POST"]),
            Route("/live", self._answered(self._live), methods=["GET"]),
            Route("/api/openapi.json", self._answered(api.described), methods=["GET"]),
            *(Route(verb.path, self._answered(api.answers(verb)), methods=[verb.method]) for verb in VERBS),
            *(Route(page.path, self._answered(self._shows(page)), methods=[_method(page)]) for page in PAGES),
            *(Route(deed.path, self._answered(self._does(deed)), methods=["POST"]) for deed in DEEDS),
        ]
        made = Starlette(routes=routes, exception_handlers={HTTPException: self._no_such_page})
        # It would lead on to whatever name the request says it was sent to, before that is looked at.
        made.router.redirect_slashes = False
        return made

    @property
    def _secure(self) -> bool:
        return (self.desk.config.console.url or "").startswith("https:")

    @property
    def _cookie(self) -> str:
        # The prefix has browsers take it from no other host and no other path.
        return "__Host-syncd" if self._secure else "syncd"

    def _answered(self, answers: Answers) -> Answers:
        """An endpoint that answers in any case, with what every answer says."""

        async def endpoint(request: Request) -> Response:
            config = self.desk.config
            if guards.host(request) not in guards.names(config.web.listen, config.console.url):
                return Response("Not here.\n", 404, guards.headers(secure=False), "text/plain")
            try:
                answer = await answers(request)
            except guards.Unfit as unfit:
                answer = self._trouble(request, unfit.status, str(unfit))
            except NotFound as missing:
                answer = self._trouble(request, 404, str(missing))
            except ConfigError as error:
                answer = self._trouble(request, 422, " ".join(_sentence(one) for one in error.problems))
            except SyncdError as error:
                answer = self._trouble(request, 503, str(error))
            except ClientDisconnect:
                return Response(status_code=400)
            except asyncio.CancelledError:  # the server has closed, and waits no longer
                answer = self._trouble(request, 504, guards.closed(request))
            except Exception:
                log.exception("page failed", path=request.url.path)
                answer = self._trouble(request, 500, "Something went wrong here. The log of syncd says what.")
            answer.headers.update(guards.headers(secure=self._secure))
            return answer

        return endpoint

    def _trouble(self, request: Request, status: int, sentence: str) -> Response:
        if "hx-request" in request.headers:
            return Response(status_code=status, headers={"hx-trigger": _said(sentence, bad=True)})
        visitor = getattr(request.state, "visitor", None)
        return HTMLResponse(self._drawn("trouble.html", visitor, title="That did not work", sentence=sentence), status)

    async def _no_such_page(self, request: Request, error: Exception) -> Response:
        async def answers(request: Request) -> Response:
            request.state.visitor = await self._visitor(request)
            told = isinstance(error, HTTPException) and error.status_code == 405
            raise guards.Unfit(405 if told else 404, "There is no such page.")

        return await self._answered(answers)(request)

    async def _visitor(self, request: Request) -> Visitor | None:
        secret = request.cookies.get(self._cookie, "")
        return await run_in_threadpool(self.doors.visitor, secret) if secret else None

    def _shows(self, page: Page) -> Answers:
        async def answers(request: Request) -> Response:
            request.state.visitor = visitor = await self._visitor(request)
            if visitor is None:
                return self._to_sign_in(request)
            sent = await guards.form_of(request) if page.takes else []
            if page.takes:
                token = request.headers.get("x-csrf") or dict(sent).get("csrf", "")
                guards.must_be_ours(request, visitor, token)
            return await run_in_threadpool(self._shown, page, self._ask(request, visitor, sent), whole=_whole(request))

        return answers

    def _to_sign_in(self, request: Request) -> Response:
        if not _whole(request):  # the page is open, and its sign-in is over: it is to be loaded anew
            return Response(status_code=401, headers={"hx-refresh": "true"})
        if request.method == "POST":  # it would be asked for as a page
            return RedirectResponse("/login", 303)
        there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/login" if there == "/" else f"/login?to={quote(there, safe='')}", 303)

    def _shown(self, page: Page, ask: Ask, *, whole: bool) -> Response:
        if ask.visitor.role < page.role:
            raise guards.Unfit(403, f"Only an {page.role} sees this.")
        if page.needs and not self.ready():
            return HTMLResponse(self._drawn("starting.html", ask.visitor, page=page, whole=whole, title=page.title,
                                            systems=self.desk.status()["systems"]))  # fmt: skip
        facts = page.show(self.desk, ask)
        told = {"page": page, "title": page.title, "whole": whole, "now": ask.now, "query": ask.query, **facts}
        return HTMLResponse(self._drawn(page.template, ask.visitor, **told))

    def _drawn(self, template: str, visitor: Visitor | None, **facts: Any) -> str:
        given = {"whole": True, "page": None, "nav": [one for one in PAGES if one.nav], **facts}
        return self._templates.get_template(template).render(given, visitor=visitor)

    def _does(self, deed: Deed) -> Answers:
        async def answers(request: Request) -> Response:
            request.state.visitor = visitor = await self._visitor(request)
            if visitor is None:
                return self._to_sign_in(request)
            sent = await guards.form_of(request)
            token = request.headers.get("x-csrf") or dict(sent).get("csrf", "")
            guards.must_be_ours(request, visitor, token)
            if visitor.role < deed.role:
                raise guards.Unfit(403, f"Only an {deed.role} may do this.")
            if deed.needs and not self.ready():
                raise guards.Unfit(503, "syncd is starting: a system has not answered yet. Try again in a moment.")
            done = await run_in_threadpool(self.done, deed, self._ask(request, visitor, sent))
            return _after(request, done)

        return answers

    def done(self, deed: Deed, ask: Ask) -> Done:
        """Do it, and note who did what."""
        done = deed.do(self.desk, ask)
        with self.desk.ready_store.begin() as tx:
            tx.deeds.add(ask.visitor.name, deed.name, done.subject, done.detail, ask.now)
        log.info("deed", deed=deed.name, account=ask.visitor.name)
        return done

    def _ask(self, request: Request, visitor: Visitor, sent: list[tuple[str, str]] | None = None) -> Ask:
        form = dict(sent or [])
        form.pop("csrf", None)
        return Ask(
            visitor=visitor, now=self.desk.clock(), path=_sayable(request.path_params),
            query=_sayable(request.query_params), form=form,
            chosen=tuple(value for name, value in sent or [] if name == "id"),
        )  # fmt: skip

    async def _live(self, request: Request) -> Response:
        visitor = await self._visitor(request)
        if visitor is None:
            return Response(status_code=401)
        try:
            return self.live.tell(visitor.name)
        except TooMany:
            return Response("Too many pages are open.\n", 503, {"retry-after": "30"}, "text/plain")

    async def _login(self, request: Request) -> Response:
        to = _own(request.query_params.get("to", "/"))
        facts: dict[str, Any] = {"title": "Sign in", "to": to, "name": "", "wrong": "", "first": False}
        facts["other"] = self._other
        if request.method == "POST":
            form = dict(await guards.form_of(request))
            guards.must_be_ours(request, None, "")
            facts["name"] = form.get("name", "")
            last = request.cookies.get(self._cookie)
            try:
                async with self._passwords:
                    secret = await run_in_threadpool(
                        self.doors.sign_in, form.get("name", ""), form.get("password", ""), instead_of=last
                    )
            except Locked as locked:
                return HTMLResponse(self._drawn("login.html", None, **{**facts, "wrong": str(locked)}), 429)
            if secret is not None:
                return self._signed_in(to, secret)
            wrong = "Name or password is wrong."
            return HTMLResponse(self._drawn("login.html", None, **{**facts, "wrong": wrong}), 401)
        if await self._visitor(request) is not None:
            return RedirectResponse(to, 303)
        facts["first"] = not await run_in_threadpool(self._any)
        return HTMLResponse(self._drawn("login.html", None, **facts))

    def _any(self) -> bool:
        with self.desk.ready_store.read() as tx:
            return tx.access.any()

    async def _welcome(self, request: Request) -> Response:
        secret = str(request.path_params["secret"])
        name = await run_in_threadpool(self.doors.invited, secret)
        if name is None:
            raise NotFound("This link was used, or is too old. Ask an admin for a new one: `syncd user invite`.")
        facts = {"title": "Welcome", "name": name, "wrong": "", "least": 12}
        if request.method == "POST":
            form = dict(await guards.form_of(request))
            guards.must_be_ours(request, None, "")
            if form.get("password") != form.get("again"):
                return HTMLResponse(self._drawn("welcome.html", None, **{**facts, "wrong": "The two differ."}), 422)
            try:
                async with self._passwords:
                    made = await run_in_threadpool(self.doors.choose, secret, form.get("password", ""))
            except ConfigError as error:
                wrong = " ".join(_sentence(one) for one in error.problems)
                return HTMLResponse(self._drawn("welcome.html", None, **{**facts, "wrong": wrong}), 422)
            if made is not None:
                return self._signed_in("/", made)
            raise NotFound("This link was used meanwhile.")
        return HTMLResponse(self._drawn("welcome.html", None, **facts))

    async def _oidc_out(self, request: Request) -> Response:
        to = _own(request.query_params.get("to", "/"))
        if await self._visitor(request) is not None:
            return RedirectResponse(to, 303)
        try:
            return await self._another_way.out(request, to)
        except Astray as astray:
            return self._astray(astray, to)

    async def _oidc_back(self, request: Request) -> Response:
        try:
            secret, to = await self._another_way.back(request)
        except Astray as astray:
            return self._another_way.over(self._astray(astray, "/"))
        # They come from another site, so a redirect from here would carry no strict cookie: a page stands between.
        headers = {"refresh": f"0;url={quote(to, safe=IN_ADDRESSES)}"}
        page = HTMLResponse(self._drawn("arrived.html", None, title="Signed in", to=to), headers=headers)
        return self._another_way.over(self._known_by(page, secret))

    @property
    def _another_way(self) -> Elsewhere:
        if self.elsewhere is None:
            raise NotFound("There is no such page.")
        return self.elsewhere

    def _astray(self, astray: Astray, to: str) -> Response:
        facts = {"title": "Sign in", "to": to, "name": "", "wrong": str(astray), "first": False, "other": self._other}
        return HTMLResponse(self._drawn("login.html", None, **facts), astray.status)

    @property
    def _other(self) -> str:
        """What another way in is called, if there is one."""
        return self.elsewhere.oidc.name if self.elsewhere is not None else ""

    def _signed_in(self, to: str, secret: str) -> Response:
        return self._known_by(RedirectResponse(to, 303), secret)

    def _known_by(self, answer: Response, secret: str) -> Response:
        longest = int(self.desk.config.console.longest.total_seconds())
        answer.set_cookie(
            self._cookie, secret, max_age=longest, path="/", secure=self._secure, httponly=True, samesite="strict"
        )
        return answer

    async def _logout(self, request: Request) -> Response:
        visitor = await self._visitor(request)
        form = dict(await guards.form_of(request))
        if visitor is not None:
            guards.must_be_ours(request, visitor, request.headers.get("x-csrf") or form.get("csrf", ""))
            await run_in_threadpool(self.doors.sign_out, visitor)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="strict")
        return answer


class Static(StaticFiles):
    """Scripts and styles, which say to a browser what every page says."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        """One file."""
        answer = super().file_response(*args, **more)
        answer.headers.update(guards.HEADERS)
        return answer


def _method(page: Page) -> str:
    return "POST" if page.takes else "GET"


def _sayable(told: Mapping[str, Any]) -> dict[str, str]:
    return {guards.sayable(name): guards.sayable(str(value)) for name, value in told.items()}


def _whole(request: Request) -> bool:
    return "hx-request" not in request.headers


def _after(request: Request, done: Done) -> Response:
    """What the page that sent a deed is told: the sentence, how to take it back, and where to go."""
    if "hx-request" not in request.headers:
        return RedirectResponse(done.to or _own(request.headers.get("referer", "/")), 303)
    headers = {"hx-trigger": _said(done.text, undo=done.undo, secret=done.secret)}
    if done.to is not None:
        headers["x-to"] = quote(done.to, safe=IN_ADDRESSES)
    return Response(status_code=204, headers=headers)


def _said(text: str, *, bad: bool = False, undo: tuple[str, Mapping[str, str]] | None = None, secret: str = "") -> str:
    told: dict[str, Any] = {
        "text": text if len(text) <= SAID else f"{text[:SAID]}…",
        "bad": bad,
        **({"secret": secret} if secret else {}),
    }
    if undo is not None:
        told["undo"] = {"path": undo[0], "form": dict(undo[1])}
    return json.dumps({"said": told})


def _own(address: str) -> str:
    """A path of ours; another site's address is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    path = parts.path if parts.path.startswith("/") and not parts.path.startswith(("//", "/\\")) else "/"
    return f"{path}?{parts.query}" if parts.query else path


def _sentence(problem: Problem) -> str:
    """A mistake as a person reads it: what it is about, what is wrong, what to do."""
    place = problem.place
    # A reference and a setting are written as they are: with another letter it is another one.
    begun = place if any(sign in place for sign in ":./_") else f"{place[:1].upper()}{place[1:]}"
    return f"{begun} {problem.message} {problem.remedy}".strip()
