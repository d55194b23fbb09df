"""What the demo's page refuses: deeds that another site sends, and addresses that are not this machine."""

from __future__ import annotations

import httpx

from syncd.lab.demo import Playing


def test_another_site_cannot_act(demo: Playing) -> None:
    """A form posted from elsewhere, which cannot set htmx's header, is refused and does nothing."""
    before = len(demo.stage.left.records("contacts"))
    assert httpx.post(f"{demo.url}lead", headers={"origin": "https://evil.example"}).status_code == 403
    assert len(demo.stage.left.records("contacts")) == before


def test_another_name_is_not_answered(demo: Playing) -> None:
    """A name that somebody pointed at 127.0.0.1 gets nothing, so that no foreign page reads the demo."""
    assert httpx.get(demo.url, headers={"host": "evil.example"}).status_code == 400


def test_nothing_is_loaded_from_elsewhere(demo: Playing) -> None:
    """The page forbids its browser every foreign source, inline scripts included."""
    policy = httpx.get(demo.url).headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy


def test_a_strange_form_is_told_so(demo: Playing) -> None:
    """Forms with missing or impossible values are answered with a sentence, not with a crash."""
    for path, form in (
        ("edit", {}), ("edit", {"side": "middle", "kind": "contacts", "id": "1", "field": "city", "value": "x"}),
        ("edit", {"side": "left", "kind": "boats", "id": "1", "field": "city", "value": "x"}),
        ("edit", {"side": "left", "kind": "contacts", "id": "0", "field": "city", "value": "x"}),
        ("edit", {"side": "left", "kind": "contacts", "id": "1", "field": "nothing", "value": "x"}),
        ("take", {"conflict": "all", "choice": "left"}), ("take", {"conflict": "99999", "choice": "left"}),
        ("clash", {}),
    ):  # fmt: skip
        answer = httpx.post(demo.url + path, data=form, headers={"hx-request": "true"})
        assert answer.status_code == 200 and "That did not work" in answer.text, (path, form)
