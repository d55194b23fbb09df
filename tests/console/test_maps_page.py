"""The maps in the console: read, drafted, tried, saved, compared, taken back. What is not here: a browser."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from syncd.fieldmaps.editing import Put, edit
from syncd.service import impact, mapfiles
from tests.console.town import Town

PAIR = "hubspot-jobnimbus"


def pair_of(town: Town) -> str:
    """The one pair of the town."""
    return next(iter(town.app.config.pairs))


def path_of(town: Town, name: str = "contacts") -> str:
    """The address of a map."""
    return f"/maps/{pair_of(town)}/{name}"


def file_of(town: Town, name: str = "contacts") -> mapfiles.MapFile:
    """A map's file."""
    found = mapfiles.one(town.app.config, pair_of(town), name)
    assert found is not None
    return found


def form_of(town: Town, **more: str) -> dict[str, str]:
    """What the page of the contacts' map sends."""
    text = mapfiles.text_of(file_of(town))
    return {"text": text, "began": mapfiles.digest(text), **more}


def text_in(page: str) -> str:
    """The draft that a page carries."""
    found = re.search(r'<textarea id="text"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def drafted(town: Town, **more: str) -> str:
    """The page for a draft."""
    answer = town.post(f"{path_of(town)}/draft", form_of(town, **more))
    assert answer.status_code == 200, answer.headers
    return answer.text


@pytest.fixture(autouse=True)
def restored(town: Town) -> object:
    """Each test finds the maps as the town came with them."""
    files = [file.path for file in mapfiles.every(town.app.config)]
    texts = [path.read_bytes() for path in files]
    yield
    for path, text in zip(files, texts, strict=True):
        path.write_bytes(text)


def test_the_list_names_every_map(town: Town) -> None:
    """Each map of each pair stands there with its kinds and how many records it links."""
    page = town.page("/maps")
    for file in mapfiles.every(town.app.config):
        assert f'href="/maps/{file.pair}/{file.name}"' in page


def test_rules_are_read_in_words(town: Town) -> None:
    """Both fields with labels, types and a sample, the way, who wins; a viewer sees it without anything to change."""
    page = town.page(path_of(town), "vera")
    assert "the newest wins" in page and "HubSpot wins" in page and "once, when the record is made" in page
    assert "such as" in page
    assert "/draft" not in page and "/save" not in page
    assert "/draft" in town.page(path_of(town))


def test_who_may_not_change_is_refused(town: Town) -> None:
    """A viewer and an operator can neither draft, save, go back nor name a value, and nothing changes."""
    before = mapfiles.text_of(file_of(town))
    for name in ("vera", "otto"):
        for what in ("draft", "save", "back", "values"):
            form = form_of(town, reason="x", version="1", rule="lead_source", left="a", right="b")
            assert town.post(f"{path_of(town)}/{what}", form, name).status_code == 403
        page = town.page(f"{path_of(town)}?tab=impact&do=impact", name)
        assert "An admin can work it out" in page and "impact-words" not in page
    assert mapfiles.text_of(file_of(town)) == before


def test_only_maps_of_the_setup_are_reached(town: Town) -> None:
    """No path leads out of the maps that the set-up names, however it is written."""
    client = town.client()
    for name in (
        "..%2f..%2fetc%2fpasswd",
        "contacts.yaml",
        "%2e%2e%2fcontacts",
        "schemas",
        "contacts%00",
        "x" * 3000,
    ):
        assert client.get(f"/maps/{pair_of(town)}/{name}").status_code in (303, 404), name
        assert client.get(f"/maps/{name}/contacts").status_code in (303, 404), name
    assert town.post("/maps/nothing/contacts/save", {"text": "a", "began": "", "reason": "x"}).status_code == 404


def test_a_draft_says_what_is_wrong_and_where(town: Town) -> None:
    """A misspelled field is a mistake with its line and column; the file and what works are not touched."""
    text = mapfiles.text_of(file_of(town))
    wrong = text.replace("left: firstname,", "left: firstnam,", 1)
    line = next(i for i, each in enumerate(wrong.splitlines(), 1) if "firstnam," in each)
    page = drafted(town, text=wrong, tab="text")
    assert f'data-line="{line}"' in page and "has no field" in page
    assert mapfiles.text_of(file_of(town)) == text
    assert town.post(f"{path_of(town)}/save", form_of(town, text=wrong, reason="x")).status_code == 422
    assert mapfiles.text_of(file_of(town)) == text


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "\x00", "name: *x", "a" * 10_000, "<script>alert(1)</script>"])
def test_any_text_is_answered(town: Town, text: str) -> None:
    """Whatever is sent as a map, the page says what is wrong, harmlessly, on every tab."""
    for tab in ("rules", "text", "record", "impact", "tests"):
        answer = town.post(f"{path_of(town)}/draft", form_of(town, text=text, tab=tab, do="impact"))
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text


def test_a_rule_is_changed_in_the_text(town: Town) -> None:
    """A choice made in a form stands in the text, at its place, and nothing else of the text is another."""
    text = mapfiles.text_of(file_of(town))
    after = text_in(drafted(town, do="set", row="fields-0", owner="ask", left="firstname", right="first_name"))
    both = zip(text.splitlines(), after.splitlines(), strict=True)
    assert [new for old, new in both if old != new] == [
        next(line for line in text.splitlines() if "left: firstname," in line).replace("newest", "ask")
    ]
    page = drafted(town, do="add", left="jobtitle", right="", direction="->", owner="left")
    assert text_in(page).count("jobtitle") == 1
    assert text_in(drafted(town, do="down", row="fields-0")).index("lastname,") < text.index("lastname,")
    assert "firstname," not in text_in(drafted(town, do="remove", row="fields-0"))


def test_a_word_that_no_form_offers_is_refused(town: Town) -> None:
    """A forged choice is told and changes nothing."""
    form = form_of(town, do="set", row="fields-0", owner="me}, {left: x")
    assert town.post(f"{path_of(town)}/draft", form).status_code == 422


def test_the_impact_and_the_preview_ask_nobody(town: Town) -> None:
    """What a draft would do to all records and to one is told without a single request."""
    text = mapfiles.text_of(file_of(town))
    swapped = {"right: city,": "right: company,", "right: company,": "right: city,"}
    changed = re.sub("|".join(swapped), lambda found: swapped[found[0]], text)
    town.page(path_of(town))
    before = town.asked()
    page = drafted(town, text=changed, tab="impact", do="impact")
    assert "linked records it would write" in page and '<th scope="row"><bdi>city</bdi></th>' in page
    page = drafted(town, text=changed, tab="record")
    assert "As it would be there" in page and "firstname" in page
    assert town.asked() == before


def _words(page: str) -> str:
    """What the impact says, without markup."""
    found = re.search(r'<p id="impact-words">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split())


def test_the_impact_counts_records(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records touched, those that lose precision, values without a counterpart: each once, and cut where it is said."""
    file = file_of(town, "deals-jobs")
    stages = ("qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent", "closedwon")
    text = edit(
        mapfiles.text_of(file),
        Put((), "first_link", "left"),
        Put(("fields", 1), "values", dict.fromkeys(stages, "Lead")),
        Put(("fields", 0), "values", {"nobody": "is called so"}),
    )
    form = {"text": text, "began": mapfiles.digest(mapfiles.text_of(file)), "tab": "impact", "do": "impact"}

    def worked_out() -> str:
        answer = town.post(f"{path_of(town, 'deals-jobs')}/draft", form)
        assert answer.status_code == 200, answer.headers
        return answer.text

    with town.app.ready_store.read() as tx:
        links = tx.links.all(file.key)
    page = worked_out()
    words = _words(page)
    told = re.fullmatch(
        r"Of (\d+) linked records it would write (\d+) in HubSpot and (\d+) in JobNimbus: it touches (\d+) links?\. "
        r"In (\d+) of them a value loses precision; (\d+) values have no counterpart \(in (\d+) records?\); "
        r"0 records are asked about\. (\d+) records wait for a person or for another record\..*",
        words,
    )
    assert told is not None, words
    linked, left, right, touched, lossy, lacking, lack, waiting = (int(one) for one in told.groups())
    assert linked == len(links) == lack == waiting and max(left, right) <= touched <= linked
    # No deal has its name in the table, and each has one of its own.
    assert 0 < lossy <= right <= touched and lacking >= linked
    assert "calls of hubspot" in page and "at the rate that is set" in page
    monkeypatch.setattr(impact, "MOST_VALUES", 1)
    assert "more than 1 value has no counterpart" in _words(worked_out())
    monkeypatch.setattr(impact, "MOST", 1)
    monkeypatch.setattr(impact, "PAGE", 1)
    assert _words(worked_out()).startswith("Of the first 1 linked records")
    assert "at least so much" in worked_out()


def test_the_tests_run_on_the_draft(town: Town) -> None:
    """The map's own cases hold for the text that is saved; for another one, what does not hold is named."""
    assert "all hold" in drafted(town, tab="tests")
    text = mapfiles.text_of(file_of(town)).replace("{state: {right: code}}", "{state: {right: name}}")
    assert "state" in drafted(town, text=text, tab="tests") and "all hold" not in drafted(town, text=text, tab="tests")


def test_saved_compared_and_taken_back(town: Town) -> None:
    """A text is saved with who, when and why; what stood there is a version too; going back saves it anew."""
    file, text = file_of(town), mapfiles.text_of(file_of(town))
    changed = text.replace("first_link: ask", "first_link: newest", 1)
    answer = town.post(f"{path_of(town)}/save", form_of(town, text=changed.replace("\n", "\r\n"), reason="<b>why</b>"))
    assert answer.status_code == 204, answer.headers
    assert mapfiles.text_of(file_of(town)) == changed
    found = mapfiles.versions(town.app.ready_store, file)
    assert [one.text for one in found[:2]] == [changed, text] and found[0].account == "ada"
    page = town.page(f"{path_of(town)}/versions")
    assert "&lt;b&gt;why" in page
    page = town.page(f"{path_of(town)}/versions/{found[1].id}")
    assert "first_link: newest" in page and "<ins>" in page
    assert town.post(f"{path_of(town)}/back", {"version": str(found[1].id)}).status_code == 204
    assert mapfiles.text_of(file_of(town)) == text
    assert mapfiles.versions(town.app.ready_store, file)[0].reason == f"back to version {found[1].id}"
    assert town.client().get(f"{path_of(town, 'deals-jobs')}/versions/{found[1].id}").status_code == 404


def test_a_field_that_was_made_a_moment_ago(town: Town) -> None:
    """A draft finds it when both systems were asked again, its tests run, and a map that names it is saved at once."""
    text = mapfiles.text_of(file_of(town))
    indent = re.findall(r"^( *)- \{left: zip,", text, re.MULTILINE)[0]
    for number, name in enumerate(("gate_code", "dog_name")):
        field = {"name": name, "label": name, "type": "string", "fieldType": "text"}
        town.page(path_of(town))  # what is told now is kept for a while
        town.stage.left.act("property_create", "contacts", definition=field)
        changed = text.replace(
            "- {left: zip,", f"- {{left: {name}, right: fax_number, owner: newest}}\n{indent}- {{left: zip,", 1
        )
        if not number:
            assert "no field" in drafted(town, text=changed, tab="text")
            assert "no field" not in drafted(town, text=changed, do="fields", tab="text")
            assert "all hold" in drafted(town, text=changed, tab="tests")
        else:
            assert town.post(f"{path_of(town)}/save", form_of(town, text=changed, reason="x")).status_code == 204


def test_of_two_who_save_the_second_is_told(town: Town) -> None:
    """Who began from an older text overwrites nothing, and is told who saved meanwhile."""
    text = mapfiles.text_of(file_of(town))
    mine, yours = (text.replace("first_link: ask", f"first_link: {one}", 1) for one in ("left", "right"))
    form = form_of(town, text=yours, reason="second")
    assert town.post(f"{path_of(town)}/save", form_of(town, text=mine, reason="first")).status_code == 204
    answer = town.post(f"{path_of(town)}/save", form)
    assert answer.status_code == 422 and "ada saved it" in answer.headers["hx-trigger"]
    assert mapfiles.text_of(file_of(town)) == mine


def test_a_map_is_not_renamed(town: Town) -> None:
    """Another name would lose the links: it is a mistake."""
    text = mapfiles.text_of(file_of(town)).replace("name: contacts", "name: people", 1)
    assert town.post(f"{path_of(town)}/save", form_of(town, text=text, reason="x")).status_code == 422


def test_a_value_is_named_from_the_parked_page(town: Town) -> None:
    """A missing counterpart goes into the table of its rule, is saved as a version, and can be taken back."""
    path, file = path_of(town, "deals-jobs"), file_of(town, "deals-jobs")
    text = mapfiles.text_of(file)
    rule = "dealstage"
    page = town.page(path)
    assert "Values without a counterpart" in page or rule in page
    answer = town.post(f"{path}/values", {"rule": rule, "left": "closedlost", "right": "Lead"})
    assert answer.status_code == 204, answer.headers
    assert "closedlost: [Lost, Lead]" in mapfiles.text_of(file_of(town, "deals-jobs"))
    assert town.post(f"{path}/values", {"rule": rule, "left": "closedlost", "right": "Lead"}).status_code == 422
    assert mapfiles.versions(town.app.ready_store, file)[1].text == text
    assert town.post(f"{path}/values", {"rule": "nothing", "left": "a", "right": "b"}).status_code == 422


def test_a_repository_gets_a_commit(town: Town, tmp_path: Path) -> None:
    """Where the folder is in a repository, this one file is committed in the account's name."""
    import shutil
    import subprocess

    git = shutil.which("git")
    assert git is not None
    folder = town.app.config.maps
    subprocess.run([git, "init", "-q"], cwd=folder, check=True)
    try:
        text = mapfiles.text_of(file_of(town)).replace("first_link: ask", "first_link: left", 1)
        answer = town.post(f"{path_of(town)}/save", form_of(town, text=text, reason="--amend"))
        assert answer.status_code == 204 and "In git" in answer.headers["hx-trigger"]
        told = subprocess.run(
            [git, "log", "--format=%an %s", "--name-only"], cwd=folder, check=True, capture_output=True, text=True
        ).stdout
        assert "ada --amend" in told and told.count("yaml") == 1
    finally:
        shutil.rmtree(folder / ".git")
