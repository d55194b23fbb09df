"""The hands of somebody who uses the console: by mouse, or by keyboard alone. What is not here: what they do."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

FARTHEST = 400
"""Presses of Tab after which a thing counts as out of reach."""

_WHERE = """one => {
  const at = document.activeElement;
  if (at === one) return 0;
  if (!at || at === document.body) return 1;
  return at.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING ? 1 : -1;
}"""
"""Whether the focus is on a thing (0), before it (1), or behind it (-1)."""


class Hands:
    """By mouse; a text is typed where the mouse has put the focus."""

    def __init__(self, page: Page) -> None:
        """Take a page; nothing is done yet."""
        self.page = page

    def press(self, thing: Locator) -> None:
        """A button, a link, or what unfolds."""
        thing.click()

    def write(self, field: Locator, text: str) -> None:
        """A text instead of what stands in a field."""
        field.click()
        self._type(text)

    def tick(self, box: Locator) -> None:
        """Choose it."""
        box.click()
        expect(box).to_be_checked()

    def choose(self, field: Locator, word: str) -> None:
        """The option of this name."""
        field.select_option(label=word)

    def answer(self, row: Locator, letter: str) -> None:
        """Press the button of a row that has this letter."""
        row.locator(f'[data-key="{letter}"]').click()

    def go(self, word: str) -> None:
        """To a page of the navigation."""
        self.press(self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=word, exact=True))

    def find(self, text: str) -> None:
        """Look for a record, from any page."""
        self.write(self.page.locator("#find"), text)
        self.page.keyboard.press("Enter")

    def _type(self, text: str) -> None:
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)


class Keys(Hands):
    """By keyboard alone: Tab and Shift+Tab, Enter, the space bar, letters."""

    def reach(self, thing: Locator) -> None:
        """Tab there."""
        for _ in range(FARTHEST):
            way = thing.evaluate(_WHERE)
            if not way:
                return
            self.page.keyboard.press("Tab" if way > 0 else "Shift+Tab")
        raise AssertionError(f"not reached by Tab: {thing}")

    def press(self, thing: Locator) -> None:
        """Enter presses links, buttons and what unfolds."""
        self.reach(thing)
        self.page.keyboard.press("Enter")

    def write(self, field: Locator, text: str) -> None:
        """As with the mouse, but for how the focus gets there."""
        self.reach(field)
        self._type(text)

    def tick(self, box: Locator) -> None:
        """The space bar chooses."""
        self.reach(box)
        self.page.keyboard.press("Space")
        expect(box).to_be_checked()

    def choose(self, field: Locator, word: str) -> None:
        """A closed list takes the letters of an option."""
        self.reach(field)
        self.page.keyboard.type(word)
        expect(field.locator("option:checked")).to_have_text(word)

    def answer(self, row: Locator, letter: str) -> None:
        """The letter, while the row has the focus."""
        self.reach(row)
        self.page.keyboard.press(letter)
