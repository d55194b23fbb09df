"""Who may come into the console, and what a hostile visitor gets. What is not here: the pages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.config import ConsoleConfig
from syncd.console.ask import Role
from syncd.console.doors import FREE, Doors, Locked
from syncd.console.guards import FORM_LIMIT, POLICY
from syncd.errors import ConfigError
from syncd.store import schema
from syncd.store.store import Store
from tests.console.town import PASSWORD, QUICK, Town

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that the migrations made."""
    url = f"sqlite:///{tmp_path_factory.mktemp('doors') / 'syncd.db'}"
    with closing(Store(url)) as store:
        schema.upgrade(store)
    return url


@pytest.fixture
def clock() -> Clock:
    """Nine in the morning."""
    return Clock()


@pytest.fixture
def doors(template: str, clock: Clock, tmp_path: Path) -> Callable[[], Doors]:
    """Doors of a store in which only jane is known, an admin."""
    copy = tmp_path / "syncd.db"
    copy.write_bytes(Path(template.removeprefix("sqlite:///")).read_bytes())
    store = Store(f"sqlite:///{copy}")
    made = Doors(store, clock, ConsoleConfig(idle=timedelta(hours=1), longest=timedelta(hours=3)), QUICK)
    made.choose(made.invite("jane", Role.ADMIN), PASSWORD)
    yield made
    store.close()


def test_a_password_lets_in_and_a_wrong_one_does_not(doors: Doors) -> None:
    """The right one gives a secret that stands for who it is; a wrong one, an unknown name and a long one give none."""
    secret = doors.sign_in(" Jane ", PASSWORD)
    assert secret is not None
    visitor = doors.visitor(secret)
    assert visitor is not None and (visitor.name, visitor.role) == ("jane", Role.ADMIN)
    assert doors.sign_in("jane", "wrong") is doors.sign_in("joe", PASSWORD) is None
    assert doors.sign_in("jane", "x" * 1_000_000) is None
    assert doors.visitor("nonsense") is doors.visitor("") is None


@pytest.mark.parametrize("name", ["jane", "nobody"])
def test_wrong_passwords_wait_longer_and_longer(doors: Doors, clock: Clock, name: str) -> None:
    """After some free ones each wrong password locks for twice as long, at most minutes; a name of nobody the same."""
    for _ in range(FREE):
        assert doors.sign_in(name, "wrong") is None
    waits = []
    for _ in range(12):
        with pytest.raises(Locked, match="Wait"):
            doors.sign_in(name, PASSWORD)
        wait = 0
        while True:
            clock.now += timedelta(seconds=1)
            wait += 1
            try:
                assert doors.sign_in(name, "wrong") is None
                break
            except Locked:
                continue
        waits.append(wait)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    clock.now += timedelta(minutes=5)
    assert (doors.sign_in(name, PASSWORD) is not None) == (name == "jane")


def test_a_right_password_forgets_the_wrong_ones(doors: Doors) -> None:
    """Who has typed it right begins anew."""
    for _ in range(3):
        for _ in range(FREE - 1):
            assert doors.sign_in("jane", "wrong") is None
        assert doors.sign_in("jane", PASSWORD) is not None


def test_a_sign_in_ends_unused_and_at_last(doors: Doors, clock: Clock) -> None:
    """Used within the hour it lasts, but no longer than three in all; unused it ends after one."""
    secret, other = doors.sign_in("jane", PASSWORD) or "", doors.sign_in("jane", PASSWORD) or ""
    for _ in range(4):
        clock.now += timedelta(minutes=42)
        assert doors.visitor(secret) is not None
    assert doors.visitor(other) is None
    clock.now += timedelta(minutes=42)
    assert doors.visitor(secret) is None


def test_a_new_sign_in_ends_the_browsers_last_one(doors: Doors) -> None:
    """What somebody planted in a browser, or left in it, is worth nothing after the sign-in."""
    old = doors.sign_in("jane", PASSWORD) or ""
    new = doors.sign_in("jane", PASSWORD, instead_of=old) or ""
    assert new not in ("", old)
    assert doors.visitor(old) is None and doors.visitor(new) is not None


def test_a_link_works_once_and_not_for_ever(doors: Doors, clock: Clock) -> None:
    """Used, replaced or too old it does nothing; what was signed in before is so no longer."""
    signed_in = doors.sign_in("jane", PASSWORD) or ""
    first, second = doors.invite("jane"), doors.invite("jane")
    assert doors.visitor(signed_in) is None
    assert doors.choose(first, "another good one") is None
    assert doors.choose(second, "another good one") is not None
    assert doors.choose(second, "and a third one") is None
    assert doors.sign_in("jane", PASSWORD) is None and doors.sign_in("jane", "another good one") is not None
    late = doors.invite("jane")
    clock.now += timedelta(hours=49)
    assert doors.invited(late) is doors.choose(late, "too late for this") is None


@pytest.mark.parametrize(
    ("password", "told"), [("short", "5 letters"), ("x" * 257, "257 letters"), ("my name is jane", "holds your name"),
                           ("ababababababab", "repeats")],
)  # fmt: skip
def test_a_bad_password_is_refused_with_why(doors: Doors, password: str, told: str) -> None:
    """Too short, too long, the own name, two letters: each is said, and the link still works."""
    secret = doors.invite("jane")
    with pytest.raises(ConfigError, match=told):
        doors.choose(secret, password)
    assert doors.choose(secret, PASSWORD) is not None


def test_who_is_shut_out_is_so_at_once(doors: Doors) -> None:
    """Open sign-ins, links and tokens of an account end with it; the last admin cannot go, nor be less."""
    secret = doors.choose(doors.invite("joe", Role.OPERATOR), PASSWORD) or ""
    token = doors.give_token("joe", "report", timedelta(days=1))
    link = doors.invite("joe")
    again = doors.choose(link, PASSWORD) or ""
    assert doors.visitor(secret) is None and doors.visitor(again) is not None and doors.program(token) is not None
    doors.shut_out("joe")
    assert doors.visitor(again) is doors.program(token) is doors.sign_in("joe", PASSWORD) is None
    for does in (
        lambda: doors.shut_out("jane"), lambda: doors.give_role("jane", Role.VIEWER),
        lambda: doors.invite("jane", Role.VIEWER),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="last admin"):
            does()
    for name in ("joe", "nobody"):
        with pytest.raises(ConfigError, match="there is none"):
            doors.give_role(name, Role.ADMIN)


def test_a_deed_of_nobody_leads_to_the_sign_in_alone(town: Town) -> None:
    """Not back to where there is no page to be looked at."""
    for path in ("/conflicts/take", "/maps/sales/contacts/draft"):
        answer = town.stranger().post(path, data={"id": "1"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("name", ["", "../etc", "a b", "<script>", "x" * 65, "-a"])
def test_a_name_that_is_none_is_refused(doors: Doors, name: str) -> None:
    """Only letters, digits and a few signs make a name; case makes none."""
    with pytest.raises(ConfigError, match="is no name"):
        doors.invite(name, Role.VIEWER)


def test_nobody_sees_a_page_who_is_not_signed_in(town: Town) -> None:
    """A stranger is led to the sign-in, and from there to the page that was asked for."""
    stranger = town.stranger()
    answer = stranger.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    town.client("vera")
    answer = stranger.post("/login?to=%2F%3Fa%3D1", data={"name": "vera", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?a=1")
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_sign_in_leads_nowhere_else(town: Town, to: str) -> None:
    """Where to go after it is a page of ours, whatever the address says."""
    town.client("vera")
    answer = town.stranger().post("/login", params={"to": to}, data={"name": "vera", "password": PASSWORD})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/") and not answer.headers["location"].startswith(("//", "/\\"))


def test_every_answer_is_guarded(town: Town) -> None:
    """Pages, refusals and addresses that are not there say the strict policy, and are kept by no cache."""
    for answer in (town.client().get("/"), town.stranger().get("/login"), town.client().get("/nothing")):
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"


def test_the_cookie_is_only_for_us(town: Town) -> None:
    """No script reads it, no other site sends it."""
    town.client("vera")
    answer = town.stranger().post("/login", data={"name": "vera", "password": PASSWORD})
    told = answer.headers["set-cookie"].lower()
    assert "httponly" in told and "samesite=strict" in told and "path=/" in told


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}, {"x-csrf": "guessed"}],
)
def test_another_site_does_nothing_in_our_name(town: Town, headers: dict[str, str]) -> None:
    """A deed that another site has a signed-in browser send is refused, by each of its marks."""
    visitor = town.console.doors.visitor(town.secret("ada"))
    assert visitor is not None
    sent = {"hx-request": "true", "x-csrf": visitor.csrf, **headers}
    answer = town.client().post("/people/invite", data={"name": "mallory", "role": "admin"}, headers=sent)
    assert answer.status_code == 403
    assert "mallory" not in town.page("/people")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a b", "evil.example:8484"])
def test_a_page_is_shown_under_our_name_only(town: Town, host: str) -> None:
    """A name that somebody points at this machine shows nothing."""
    answer = town.client().get("/", headers={"host": host})
    assert answer.status_code in (400, 404) and "ada" not in answer.text


def test_a_viewer_only_looks(town: Town) -> None:
    """What needs an admin is neither shown nor done."""
    assert town.client("vera").get("/people").status_code == 403
    answer = town.post("/people/invite", {"name": "mallory", "role": "admin"}, "vera")
    assert answer.status_code == 403 and "Only an admin" in answer.headers["hx-trigger"]


def test_a_form_that_is_too_long_or_none_is_refused(town: Town) -> None:
    """A megabyte, a body of another kind, and bytes that are no text are each said."""
    assert town.post("/people/invite", {"name": "x" * (FORM_LIMIT + 1)}).status_code == 413
    visitor = town.console.doors.visitor(town.secret("ada"))
    assert visitor is not None
    headers = {"x-csrf": visitor.csrf, "hx-request": "true"}
    for content, kind, status in (
        (b"{}", "application/json", 415),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded", 400),
    ):
        answer = town.client().post("/people/invite", content=content, headers={**headers, "content-type": kind})
        assert answer.status_code == status


def test_what_people_do_is_listed(town: Town) -> None:
    """An invitation stands in the list with who, to whom; its secret does not, and the link works."""
    answer = town.post("/people/invite", {"name": "newcomer", "role": "viewer"})
    assert answer.status_code == 204
    secret = answer.headers["hx-trigger"].partition("/welcome/")[2].partition('"')[0]
    listed = town.page("/deeds")
    assert "newcomer" in listed and "account.invite" in listed and secret not in listed
    assert "Welcome, newcomer" in town.stranger().get(f"/welcome/{secret}").text
    assert town.stranger().get("/welcome/nonsense").status_code == 404
