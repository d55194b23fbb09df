"""The base of all sandboxes: faults, request log, clock, control protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from syncd.errors import Transient
from syncd.kit.connector import Timing
from syncd.kit.control import ControlError
from syncd.kit.http import Http
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer, reply
from tests.kit.toy import ToySandbox

Connect = Callable[..., Http]

HASTY = Timing(timeout=timedelta(seconds=5), retry_for=timedelta(seconds=0.2))


def _post(url: str, **more: Any) -> httpx.Response:
    return httpx.post(f"{url}/notes", json={"text": "x"}, trust_env=False, **more)


def test_lost_is_carried_out_and_the_connection_is_reset(server: SandboxServer, remote: Remote) -> None:
    """The record is there, the client has only a broken connection, and the log tells both."""
    remote.faults({"fault": "lost"})
    with pytest.raises(httpx.ReadError):
        _post(server.url)
    assert len(remote.records("notes")) == 1
    (request,) = remote.requests()
    assert (request["answered"], request["status"], request["fault"]) == (201, None, "lost")


def test_lost_can_answer_with_a_gateways_error(server: SandboxServer, remote: Remote) -> None:
    """504 after the write was carried out."""
    remote.faults({"fault": "lost", "status": 504})
    assert _post(server.url).status_code == 504
    assert len(remote.records("notes")) == 1


def test_reset_is_not_carried_out(server: SandboxServer, remote: Remote) -> None:
    """The connection is reset and there is no record."""
    remote.faults({"fault": "reset"})
    with pytest.raises(httpx.ReadError):
        _post(server.url)
    assert remote.records("notes") == []


def test_truncate_breaks_off_amid_the_body(server: SandboxServer, remote: Remote) -> None:
    """A short and a long body are both cut in half under their full content-length."""
    for big in (False, True):
        remote.settings(big=big)
        remote.faults({"fault": "truncate"})
        with httpx.stream("GET", f"{server.url}/notes", trust_env=False) as response:
            got: list[bytes] = []
            with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
                got.extend(response.iter_raw(chunk_size=8))
        assert 0 < sum(map(len, got)) < int(response.headers["content-length"])


def test_a_time_out_is_carried_out_only_if_told(server: SandboxServer, remote: Remote) -> None:
    """The client gives up; with `apply` the record is there nevertheless."""
    for apply, records in ((False, 0), (True, 1)):
        remote.faults({"fault": "timeout", "delay": 5, "apply": apply})
        with pytest.raises(httpx.ReadTimeout):
            _post(server.url, timeout=0.2)
        assert len(remote.records("notes")) == records


def test_slow_lands_after_the_client_has_gone(server: SandboxServer, remote: Remote) -> None:
    """A write can land when nobody waits for it any more."""
    remote.faults({"fault": "slow", "delay": 0.4})
    with pytest.raises(httpx.ReadTimeout):
        _post(server.url, timeout=0.1)
    assert remote.records("notes") == []
    _post(server.url, timeout=5)
    assert len(remote.records("notes")) == 2


def test_rules_choose_by_method_path_count_and_writes(server: SandboxServer, remote: Remote) -> None:
    """`methods`, `path`, `after`, `times` and `writes_only` hold together; the first rule that strikes is played."""
    remote.faults(
        {"fault": "503", "writes_only": True, "after": 1, "times": 1},
        {"fault": 500, "methods": ["get"], "path": "^/notes/9$"},
    )
    codes = [_post(server.url).status_code for _ in range(3)]
    codes += [httpx.get(f"{server.url}/notes{end}", trust_env=False).status_code for end in ("", "/1", "/9")]
    assert codes == [201, 503, 201, 200, 200, 500]
    assert [(rule["matched"], rule["played"]) for rule in remote.played()] == [(3, 1), (1, 1)]


def test_a_rate_of_faults_is_the_same_for_the_same_seed(server: SandboxServer, remote: Remote) -> None:
    """Chance comes from the sandbox's seed, so a run can be repeated."""
    runs = []
    for _ in range(2):
        remote.reset(seed=5)
        remote.faults({"fault": "503", "rate": 0.5})
        runs.append([_post(server.url).status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert {201, 503} == set(runs[0])


@pytest.mark.parametrize("rule", [{"fault": "boom"}, {"fault": "503", "often": 1}, {"fault": "503", "path": "("}, {}])
def test_a_rule_that_says_nothing_is_refused(remote: Remote, rule: dict[str, Any]) -> None:
    """A misspelled fault must not make a test pass."""
    with pytest.raises(ControlError):
        remote.faults(rule)


def test_the_log_keeps_no_credential(server: SandboxServer, remote: Remote) -> None:
    """Neither the header nor anything of it stands in the log; body and query do."""
    headers = {"authorization": "Bearer hush-hush"}
    httpx.post(f"{server.url}/notes?a=1&a=2&b=3", json={"text": "x"}, headers=headers, trust_env=False)
    (request,) = remote.requests()
    assert "hush" not in str(request)
    assert (request["query"], request["body"], request["write"]) == ({"a": ["1", "2"], "b": "3"}, {"text": "x"}, True)


def test_the_log_is_bounded(server: SandboxServer, remote: Remote) -> None:
    """Old entries fall out and long bodies are cut, told by their size; numbers go on."""
    remote.reset(settings={"log_entries": 2, "log_bodies": 20})
    for _ in range(3):
        httpx.post(f"{server.url}/notes", json={"text": "y" * 100}, trust_env=False)
    requests = remote.requests()
    assert [one["n"] for one in requests] == [2, 3]
    assert requests[0]["body"]["_bytes"] > 100
    assert requests[0]["body"]["_begins"].startswith('{"text"')


def test_the_log_can_be_summed_up(server: SandboxServer, remote: Remote) -> None:
    """Calls that differ by an id only are counted together."""
    for number in ("1", "1", "77"):
        httpx.get(f"{server.url}/notes/{number}", trust_env=False)
    mark = remote.mark()
    _post(server.url)
    assert [(row["template"], row["count"], row["errors"]) for row in remote.summary()] == [
        ("/notes/{id}", 3, 3),
        ("/notes", 1, 0),
    ]
    assert [row["template"] for row in remote.summary(mark)] == ["/notes"]
    assert len(remote.writes(mark)) == 1


def test_the_clock_is_moved_frozen_and_thawed(server: SandboxServer, remote: Remote) -> None:
    """The vendor's `Date` header follows; a frozen clock stands, a thawed one goes on from there."""
    remote.clock(set="2031-05-06T07:08:09Z")
    remote.clock(freeze=True)
    first = remote.clock()["seconds"]
    remote.advance(51)
    response = httpx.get(f"{server.url}/notes", trust_env=False)
    assert response.headers["date"] == "Tue, 06 May 2031 07:09:00 GMT"
    assert remote.clock()["seconds"] == first + 51
    thawed = remote.clock(thaw=True)["seconds"]
    assert remote.clock()["seconds"] > thawed


@pytest.mark.parametrize("order", [{"set": "2031-05-06T07:08:09"}, {"set": "soon"}, {"forward": 1}])
def test_a_clock_is_not_moved_by_guesses(remote: Remote, order: dict[str, Any]) -> None:
    """A time without a zone and unknown words are refused."""
    with pytest.raises(ControlError):
        remote.clock(**order)


def test_unknown_switches_are_refused_with_the_known_ones(remote: Remote) -> None:
    """A misspelled switch must not make a test pass."""
    with pytest.raises(ControlError, match=r"unknown switch bgi; known are big, log_bodies, log_entries"):
        remote.settings(bgi=True)
    with pytest.raises(ControlError, match="unknown switch"):
        ToySandbox(settings={"bgi": True})
    assert remote.settings(big=True)["big"] is True


def test_a_reset_forgets_everything(server: SandboxServer, remote: Remote) -> None:
    """Records, log, faults, switches and clock begin anew."""
    _post(server.url)
    remote.settings(big=True)
    remote.advance(10_000)
    remote.faults({"fault": "503"})
    remote.reset()
    assert (remote.records("notes"), remote.requests(), remote.played()) == ([], [], [])
    assert remote.settings()["big"] is False
    assert _post(server.url).status_code == 201


def test_the_history_tells_who_changed_what(server: SandboxServer, remote: Remote) -> None:
    """Each change of a record, with before and after."""
    _post(server.url)
    (change,) = remote.history("notes", "1")
    assert (change["by"], change["via"], change["fields"]) == ("api", "api", {"text": [None, "x"]})
    assert remote.histories("notes") == {"1": [change]}


def test_control_calls_are_not_the_vendors(remote: Remote) -> None:
    """They stand in no log and are spoiled by no fault."""
    remote.faults({"fault": "503"})
    assert remote.health()["name"] == "toy"
    assert remote.settled()
    remote.settle()
    assert remote.seed(leads=50_000)["made"] == 50_000
    assert remote.import_csv("notes", "a\nb\n")["made"] == 2
    assert remote.requests() == []


def test_what_cannot_be_done_is_said(remote: Remote) -> None:
    """Unknown verbs and kinds answer with a sentence."""
    with pytest.raises(ControlError, match="unknown verb fly"):
        remote.act("fly", "notes", as_="dana@example.com")
    with pytest.raises(ControlError, match="known are notes"):
        remote.records("planes")


def test_endpoints_must_share_the_event_loop() -> None:
    """A plain function would run in a thread, where the state has no lock."""

    def plain(_request: Request) -> Response:
        return reply({})

    class Threaded(ToySandbox):
        def routes(self) -> Sequence[BaseRoute]:
            return [Route("/notes", plain)]

    with pytest.raises(TypeError, match="async def"):
        Threaded().app()


def test_no_answer_waits_for_a_delayed_acknowledgment(connect: Connect) -> None:
    """Nagle's algorithm is off on both sides; with it the middle one of 21 answers would take 40 ms."""
    http, times = connect(), []
    for _ in range(21):
        began = time.perf_counter()
        http.request("GET", "/notes")
        times.append(time.perf_counter() - began)
    assert sorted(times)[10] < 0.03


def test_a_sandbox_serves_https_with_an_authority_of_its_own(tmp_path: Path) -> None:
    """Whoever trusts the file is answered, nobody else is, and the key is for our eyes only."""
    with SandboxServer(ToySandbox(), tls=tmp_path / "tls") as server:
        assert server.url.startswith("https://127.0.0.1:") and server.authority is not None
        with closing(Remote(server.url, server.authority)) as remote:
            assert remote.health()["name"] == "toy"
        for ca_file in (str(server.authority), None):
            http = Http("toy", server.url, {}, {}, lambda *_: None, HASTY, ca_file)
            with closing(http), nullcontext() if ca_file else pytest.raises(Transient, match="no connection"):
                assert http.request("GET", "/notes").status == 200
        assert (tmp_path / "tls" / "server.key").stat().st_mode & 0o777 == 0o600
