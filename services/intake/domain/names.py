"""Brings the spellings of one name to one key, so that Traoré, Trawore and Tarawele are equal."""

import unicodedata

from services.intake.domain.spellings import LETTERS, NO_NAME, ONE_FOR_ALL, PARTICLES, SOUNDS

# Names are told apart by fewer; without a bound a long text would make tokens without end.
WORDS = 4


def phonetic_key(name: str) -> str:
    """The keys of the name's words, joined; empty when nothing in it is a name."""
    return " ".join(word_keys(name))


def word_keys(name: str) -> tuple[str, ...]:
    """One key per word, each once, sorted: the order in which names are said is not their own.

    Accents, case, hyphens, apostrophes and particles do not count. Empty for "inconnu" and its like.
    """
    words = _words(name)
    if NO_NAME.intersection(words):
        return ()
    named = [word for word in words if word not in PARTICLES] or words
    keys = {_sound(word) for word in named}
    return tuple(sorted(key for key in keys if key)[:WORDS])


def _words(name: str) -> list[str]:
    """Lower-case words without marks; an initial tells nothing."""
    words = "".join(_plain(letter) for letter in _folded(name)).split()
    return [word for word in words if len(word) > 1]


def _folded(name: str) -> str:
    composed = unicodedata.normalize("NFKC", name).casefold()
    split = unicodedata.normalize("NFKD", composed.translate(LETTERS))
    return "".join(letter for letter in split if not unicodedata.combining(letter))


def _plain(letter: str) -> str:
    """N'Diaye is one word, Fatoumata-Binta two; scripts without rules are kept as they are."""
    if letter in "'’‘ʼʹ`´":
        return ""
    return letter if letter.isalpha() else " "


def _sound(word: str) -> str:
    for rule in SOUNDS:
        word = rule.written.sub(rule.heard, word)
    return ONE_FOR_ALL.get(word, word)
