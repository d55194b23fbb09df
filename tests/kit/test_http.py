"""The one door to vendors, over real sockets with real trouble."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import stamina

from syncd.errors import Ambiguous, AuthError, ConfigError, Refused, SyncdError, Transient
from syncd.kit.authority import issue
from syncd.kit.http import Http, Limit
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from tests.kit.conftest import SECRET
from tests.kit.toy import ToySandbox

Connect = Callable[..., Http]


def test_a_2xx_is_an_answer_with_parsed_json(connect: Connect) -> None:
    """Status, body and headers of a good answer come through, headers in any case."""
    answer = connect().request("POST", "/notes", json={"text": "Zoë"}, idempotent=False)
    assert (answer.status, answer.body) == (201, {"id": "1", "text": "Zoë"})
    assert answer.headers["Content-Type"] == answer.headers["content-type"] == "application/json"


def test_an_empty_2xx_has_no_body(connect: Connect) -> None:
    """204 and an empty 200 read as None, not as trouble."""
    assert connect().request("POST", "/echo", json={"status": 204}).body is None


@pytest.mark.parametrize("text", ["<html>welcome</html>", '{"notes": [', "OK"])
def test_a_2xx_that_is_not_json_is_trouble(connect: Connect, text: str) -> None:
    """A captive portal's page or half a document is neither an answer nor an empty one."""
    order = {"status": 200, "text": text}
    with pytest.raises(Transient, match="not JSON"):
        connect(retry_for=0.1).request("POST", "/echo", json=order)
    with pytest.raises(Ambiguous, match="not JSON"):
        connect().request("POST", "/echo", json=order, idempotent=False)


def test_an_unspeakable_address_is_refused(connect: Connect) -> None:
    """An id that makes no address is that record's trouble, not the feed's."""
    with pytest.raises(Refused, match="cannot be asked"):
        connect().request("GET", "/notes/\x00")


@pytest.mark.parametrize(("status", "error"), [(401, AuthError), (403, AuthError), (404, Refused), (422, Refused)])
def test_statuses_are_errors_by_remedy(connect: Connect, status: int, error: type[SyncdError]) -> None:
    """Without a vendor's table, 401 and 403 are for the operator and other 4xx for the record."""
    with pytest.raises(error, match=str(status)):
        connect().request("POST", "/echo", json={"status": status})


def test_a_409_is_a_duplicate(connect: Connect) -> None:
    """409 says that such a record exists."""
    with pytest.raises(Refused) as caught:
        connect().request("POST", "/echo", json={"status": 409, "text": '{"message": "exists"}'})
    assert caught.value.duplicate
    assert str(caught.value) == "toy: POST /echo answered 409: exists"


def test_the_vendors_own_table_comes_first(connect: Connect) -> None:
    """`explain` sees status, headers and parsed body, and its error is the one raised."""

    def explain(status: int, headers: object, body: object) -> SyncdError | None:
        return Refused(f"vendor said {body['message']}", names=["7"]) if status == 500 else None

    with pytest.raises(Refused, match="vendor said bad") as caught:
        connect(explain=explain).request("POST", "/echo", json={"status": 500, "text": '{"message": "bad"}'})
    assert caught.value.names == ("7",)


def test_a_vendors_transient_does_not_make_a_lost_create_safe(connect: Connect) -> None:
    """A 5xx on a create stays Ambiguous even where the vendor's table calls it Transient."""
    http = connect(explain=lambda status, headers, body: Transient("busy"))
    with pytest.raises(Ambiguous):
        http.request("POST", "/echo", json={"status": 503}, idempotent=False)


@pytest.mark.parametrize(
    "fault", ["429", "429-retry-after", "500", "502", "503", "504", "423", "reset", "lost", "truncate", "html"]
)
def test_a_repeatable_request_is_repeated(connect: Connect, remote: Remote, fault: str) -> None:
    """One spoiled answer to a read is asked again and then given."""
    remote.faults({"fault": fault, "times": 1})
    assert connect(retry_for=3).request("GET", "/notes").body["notes"] == []
    assert len(remote.requests()) == 2


@pytest.mark.parametrize("fault", ["500", "502", "503", "504", "reset", "lost", "truncate", "html"])
def test_a_create_is_sent_once_only(connect: Connect, remote: Remote, fault: str) -> None:
    """When the answer to a create is lost it is Ambiguous, and not sent again."""
    remote.faults({"fault": fault, "times": 1})
    with pytest.raises(Ambiguous):
        connect().request("POST", "/notes", json={"text": "x"}, idempotent=False)
    assert len(remote.requests()) == 1


@pytest.mark.parametrize("fault", ["429", "429-retry-after", "423"])
def test_a_create_that_was_not_carried_out_is_sent_again(connect: Connect, remote: Remote, fault: str) -> None:
    """429 and 423 say that nothing was done."""
    remote.faults({"fault": fault, "times": 1})
    assert connect(retry_for=3).request("POST", "/notes", json={"text": "x"}, idempotent=False).status == 201
    assert len(remote.records("notes")) == 1


def test_a_time_out_of_a_create_is_ambiguous(connect: Connect, remote: Remote) -> None:
    """It was carried out, and nobody told us."""
    remote.faults({"fault": "timeout", "apply": True, "delay": 5})
    with pytest.raises(Ambiguous, match="ReadTimeout"):
        connect(timeout=0.3).request("POST", "/notes", json={"text": "x"}, idempotent=False)
    assert len(remote.records("notes")) == 1


def test_no_connection_is_transient_even_for_a_create(connect: Connect) -> None:
    """Where nothing was sent nothing can have been written."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        http = connect(base_url=f"http://127.0.0.1:{free.getsockname()[1]}", retry_for=0.3)
        with pytest.raises(Transient, match=r"no connection to 127\.0\.0\.1 .*address right"):
            http.request("POST", "/notes", json={}, idempotent=False)


def untrusted(connect: Connect, folder: Path, ca_file: Path | None = None) -> str:
    """What is said of a server with an authority of its own."""
    with SandboxServer(ToySandbox(), tls=folder) as server:
        http = connect(base_url=server.url, ca_file=str(ca_file) if ca_file else None, retry_for=0.1)
        with pytest.raises(Transient) as caught:
            http.request("POST", "/notes", json={}, idempotent=False)
    return str(caught.value).partition("no connection to 127.0.0.1: its certificate is ")[2]


def test_an_unknown_authority_is_told_with_its_remedy(connect: Connect, tmp_path: Path) -> None:
    """Nothing was sent; it is said who does not trust the certificate, and `ca_file` is named."""
    told = untrusted(connect, tmp_path)
    assert told.startswith("not trusted by this machine's authorities (")
    assert told.endswith("). Name the file of its authority in `ca_file`, if you trust it.")
    other = issue(tmp_path / "other").authority
    told = untrusted(connect, tmp_path, other)
    assert told.startswith(f"not trusted by the authorities in {other} (")
    assert told.endswith("). Name the file of its authority in `ca_file`, or leave that out.")


def test_a_fault_of_the_certificate_is_not_laid_upon_its_authority(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has expired is told as such, and no other authority is asked for."""
    monkeypatch.setattr("syncd.kit.authority._LASTS", timedelta(hours=-1))
    told = untrusted(connect, tmp_path, tmp_path / "ca.pem")
    assert told == f"not trusted by the authorities in {tmp_path / 'ca.pem'} (certificate has expired)."


def test_an_address_where_nobody_is_is_given_up_soon(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long other trouble is waited out."""
    monkeypatch.setattr("syncd.kit.http._UNREACHABLE_SECONDS", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        began = time.monotonic()
        with pytest.raises(Transient, match="no connection"):
            connect(base_url=f"http://127.0.0.1:{free.getsockname()[1]}", retry_for=60).request("GET", "/notes")
    assert time.monotonic() - began < 5


def test_trouble_without_end_is_transient_in_time(connect: Connect, remote: Remote) -> None:
    """Repeating ends after `retry_for`."""
    remote.faults({"fault": "503"})
    began = time.monotonic()
    with pytest.raises(Transient):
        connect(retry_for=0.8).request("GET", "/notes")
    assert time.monotonic() - began < 3


def test_the_vendors_wait_is_obeyed(connect: Connect, remote: Remote) -> None:
    """With Retry-After the next request comes no sooner, and not much later."""
    remote.faults({"fault": "429-retry-after", "retry_after": 1, "times": 1})
    began = time.monotonic()
    connect(retry_for=5).request("GET", "/notes")
    assert 1.0 <= time.monotonic() - began < 1.6


def test_a_wait_longer_than_our_patience_is_handed_up(connect: Connect, remote: Remote) -> None:
    """A Retry-After of an hour is not slept through: Transient carries it to the engine at once."""
    remote.faults({"fault": "429-retry-after", "retry_after": 3600})
    with pytest.raises(Transient) as caught:
        connect().request("GET", "/notes")
    assert caught.value.retry_after == 3600
    assert len(remote.requests()) == 1


def test_a_429_pauses_every_thread_of_the_credential(connect: Connect, remote: Remote) -> None:
    """What one thread is told holds for the others, through the limit they share."""
    limit = Limit("toy", ((1000, 1),))
    http = connect(limits={"default": limit}, retry_for=5)
    remote.faults({"fault": "429-retry-after", "retry_after": 1, "times": 1})
    other = threading.Thread(target=http.request, args=("GET", "/notes"))
    other.start()
    while not remote.played()[0]["played"]:
        time.sleep(0.005)
    time.sleep(0.05)
    began = time.monotonic()
    http.request("GET", "/notes")
    assert time.monotonic() - began > 0.8
    other.join()


def test_a_write_is_not_sent_upon_looks_that_had_to_wait(connect: Connect, remote: Remote) -> None:
    """The second look was put off by the vendor: what the first one saw is old, and the write is for another time."""
    http = connect(limits={"default": Limit("toy", ((1000, 1),))}, retry_for=5)
    with http.at_once(3):
        http.request("GET", "/notes")
        remote.faults({"fault": "429-retry-after", "retry_after": 1, "times": 1})
        http.request("GET", "/notes")
        with pytest.raises(Transient, match="too much time has passed"):
            http.request("POST", "/notes", json={"text": "x"}, idempotent=False)
    assert remote.records("notes") == []
    with http.at_once(2):
        remote.faults({"fault": "429-retry-after", "retry_after": 1, "times": 1})
        http.request("GET", "/notes")  # a first look that is repeated is as good as new
        http.request("POST", "/notes", json={"text": "x"}, idempotent=False)
    assert len(remote.records("notes")) == 1


class Forgetful:
    """Turns for everybody, kept in a store that answers no more once a request has ended."""

    def make(self, key: str, count: int) -> None:
        """There are enough."""

    def take(self, key: str, count: int, span: float, weight: int = 1) -> tuple[tuple[int, ...], float]:
        """Each has its turn."""
        return tuple(range(weight)), 0.0

    def give_back(self, key: str, numbers: tuple[int, ...]) -> None:
        """It does not answer."""
        raise Transient("the store does not answer: gone away")

    def hold_back(self, key: str, seconds: float) -> None:
        """Nobody waits."""


@pytest.mark.parametrize("ahead", [False, True])
def test_a_create_is_not_sent_again_for_a_place_that_cannot_be_given_back(
    connect: Connect, remote: Remote, *, ahead: bool
) -> None:
    """It was answered: whatever becomes of its place among the requests of all processes, the answer counts."""
    limit = Limit("toy", ((1000, 1),), in_flight=2, turns=Forgetful(), key="toy#1")
    http, mark = connect(limits={"default": limit}, retry_for=5), remote.mark()
    with http.at_once(1) if ahead else nullcontext():
        answer = http.request("POST", "/notes", json={"text": "once"}, idempotent=False)
    assert answer.status == 201
    assert len(remote.writes(mark)) == 1


def test_a_429_without_a_wish_halves_the_pace(connect: Connect, remote: Remote) -> None:
    """The limit goes at half its rate afterwards."""
    limit = Limit("toy", ((1000, 1),))
    remote.faults({"fault": "429", "times": 1})
    connect(limits={"default": limit}).request("GET", "/notes")
    assert limit.pace == 0.5


def test_a_slow_trickle_is_cut_off(connect: Connect) -> None:
    """A vendor that sends a byte now and then cannot hold us longer than the total time-out."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        gone = threading.Event()
        threading.Thread(target=_trickle, args=(listening, gone), daemon=True).start()
        http = connect(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.6, retry_for=0.1)
        began = time.monotonic()
        with pytest.raises(Ambiguous):
            http.request("POST", "/notes", json={}, idempotent=False)
        assert time.monotonic() - began < 2
        gone.set()


def _trickle(listening: socket.socket, gone: threading.Event) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
        while not gone.wait(0.1):
            try:
                connection.sendall(b" ")
            except OSError:
                return


def test_secrets_are_in_no_error(connect: Connect) -> None:
    """Even a vendor that echoes our key does not get it into a text."""
    for text in (f'{{"message": "bad key {SECRET}"}}', f"bad key Bearer {SECRET}"):
        with pytest.raises(Refused) as caught:
            connect().request("POST", "/echo", json={"status": 400, "text": text})
        assert SECRET not in repr(caught.value)
        assert "[secret]" in str(caught.value)


def test_the_secrets_of_one_request_are_in_no_error(connect: Connect) -> None:
    """A session that goes with one request alone is kept out of texts, too."""
    own = {"authorization": "Bearer session-of-an-hour"}
    with pytest.raises(Refused) as caught:
        connect().request("POST", "/echo", json={"status": 400, "text": "bad session-of-an-hour"}, headers=own)
    assert str(caught.value).endswith("bad [secret]")


def test_a_form_and_headers_of_one_request_are_sent(connect: Connect) -> None:
    """The body is a form with its kind, and a header of the request stands over the same of all requests."""
    told = connect().request("POST", "/tell", form={"word": "a&b", "key": "x y"}, headers={"Authorization": "mine"})
    assert told.body["text"] == "word=a%26b&key=x+y"
    assert told.body["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert told.body["headers"]["authorization"] == "mine"


def test_an_html_page_is_told_by_its_title(connect: Connect, remote: Remote) -> None:
    """A gateway's page does not fill the log."""
    remote.faults({"fault": "html"})
    with pytest.raises(Transient, match=r"answered 502: an HTML page titled '502 Bad Gateway'$"):
        connect(retry_for=0.1).request("GET", "/notes")


def test_a_correlation_id_stands_in_the_error(connect: Connect) -> None:
    """The vendor's support asks for it."""
    with pytest.raises(Refused, match=r"no such note \(correlation id c-1\)"):
        connect().request("GET", "/notes/99")


def test_a_redirect_is_not_followed(connect: Connect, remote: Remote) -> None:
    """Our credential goes nowhere else."""
    headers = {"location": "http://127.0.0.1:1/elsewhere"}
    with pytest.raises(Transient, match="302"):
        connect(retry_for=0.1).request("POST", "/echo", json={"status": 302, "headers": headers})
    assert {one["path"] for one in remote.requests()} == {"/echo"}


def test_a_redirected_write_may_have_been_carried_out(connect: Connect) -> None:
    """Nobody says what became of it: it is looked after, and not planned again as if it had never been sent."""
    with pytest.raises(Ambiguous, match="302"):
        connect(retry_for=0.1).request("POST", "/echo", json={"status": 302}, idempotent=False)


def test_plain_http_leaves_this_machine_never(connect: Connect) -> None:
    """A key over http:// is a mistake in the set-up, found before anything is sent."""
    with pytest.raises(ConfigError, match="Use https"):
        connect(base_url="http://example.com")
    with pytest.raises(ConfigError, match="not a web address"):
        connect(base_url="example.com")
    connect(base_url="http://localhost:9")


def test_a_ca_file_without_a_certificate_is_a_mistake_in_the_set_up(connect: Connect, tmp_path: Path) -> None:
    """Missing or full of something else, it is named before anything is sent."""
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(ConfigError, match=r"systems\.toy\.ca_file"):
            connect(ca_file=str(tmp_path / name))


def test_the_vendors_clock_is_learned(connect: Connect, remote: Remote) -> None:
    """`now` follows the answers' dates, never ahead of them, and `sent_at` lies before the answer."""
    http = connect()
    remote.advance(-7 * 86400)
    answer = http.request("GET", "/notes")
    truth = datetime.fromisoformat(remote.clock()["now"])
    assert timedelta(0) <= truth - http.now() < timedelta(seconds=2)
    assert answer.sent_at <= truth


def test_waits_can_be_switched_off_in_tests(connect: Connect, remote: Remote) -> None:
    """The testing mode of stamina takes the waits out of our retries too."""
    remote.faults({"fault": "503"})
    began = time.monotonic()
    with stamina.set_testing(True, attempts=3), pytest.raises(Transient):
        connect(retry_for=30).request("GET", "/notes")
    assert time.monotonic() - began < 1
    assert len(remote.requests()) == 3
