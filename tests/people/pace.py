"""How long a person takes who has never been here: what is read, decided, tapped and typed, added up."""

from dataclasses import dataclass
from typing import Final

from playwright.async_api import Locator

from tests.people.hands import Finger

#: Silent reading, words a second (Brysbaert 2019: 238 a minute).
READ: Final = 238 / 60
#: To decide and to point (keystroke-level model: Card, Moran and Newell 1983), in seconds.
DECIDE, POINT = 1.35, 1.1
#: A letter on a telephone (Palin 2019: 36 words of five letters a minute).
LETTER: Final = 60 / (36 * 5)
#: To look up a code in another app and to come back.
OTHER_APP: Final = 8.0
#: All that stands above the button that is pressed, but the answers to choose from, which are looked over,
#: and what is said to the person on consent: an interview takes its own time.
_READ_WORDS: Final = """button => {
  const skipped = "select, datalist, label.choice, fieldset.card > p, details:not([open]) > :not(summary)";
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const words = [];
  while (texts.nextNode()) {
    const one = texts.currentNode;
    if (button.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) break;
    if (!one.parentElement.closest(skipped)) words.push(...one.data.split(/\\s+/).filter(Boolean));
  }
  return words.length; }"""


@dataclass(slots=True)
class Newcomer(Finger):
    """Taps as a finger does, and counts how long a person would have taken over it.

    read, acted: seconds for reading, and for deciding, tapping and typing.
    """

    read: float = 0.0
    acted: float = 0.0

    async def write(self, target: Locator, text: str) -> None:
        """Tap a field and type."""
        self.acted += DECIDE + POINT + len(text) * LETTER
        await target.fill(text)

    async def choose(self, target: Locator) -> None:
        """Find an answer and tap it."""
        self.acted += DECIDE + POINT
        await target.tap()

    async def pick(self, target: Locator, value: str) -> None:
        """Open a list, go down it and tap."""
        self.acted += 2 * (DECIDE + POINT)
        await target.select_option(value)

    async def press(self, target: Locator) -> None:
        """Read the page down to a button or a link, and tap it."""
        self.read += await target.evaluate(_READ_WORDS) / READ
        self.acted += DECIDE + POINT
        await target.tap(no_wait_after=True)
