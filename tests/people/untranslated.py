"""Finds what a reader meets in the other language: in the catalogues, and on pages as they are served."""

import re
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from gzip import decompress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from babel.dates import get_month_names
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Told

from chassis.web import LANGUAGES
from contracts.vocabulary import codes, label, list_names

ROOT: Final = Path(__file__).parents[2]
#: What is read aloud or shown of an element besides its text.
_SHOWN: Final = ("alt", "title", "aria-label", "placeholder", "label")
_SILENT: Final = ("script", "style", "code")
_VOID: Final = ("area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr")
#: A code, a number, an address, the name of a durable: no word of a language.
_CODE: Final = re.compile(r"\S*(?:[\d@/_]|\.\w|-[A-Z]{2})\S*|[^a-zà-ÿ]*")
_MONTHS: Final = {
    name for language in LANGUAGES for name in get_month_names(locale=language).values()
}
#: A sentence that is the same in both languages has not been translated; a word may be.
_WORDS: Final = 3


def catalogue_owners(root: Path = ROOT) -> list[Path]:
    """The folders whose own words stand in `locale/<language>/LC_MESSAGES/siraba.po`."""
    return sorted({path.parents[3] for path in root.glob("*/**/LC_MESSAGES/siraba.po")
                   if ".venv" not in path.parts})  # fmt: skip


def used_in(owner: Path) -> set[str]:
    """What the programs and templates of a folder give to gettext."""
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    options = {"**.html": {"trimmed": "true", "silent": "false"}}
    found = extract_from_dir(owner, methods, options)
    return {
        one for *_, said, _, _ in found for one in [said[0] if isinstance(said, tuple) else said]
    }


def catalogues(root: Path = ROOT) -> Iterator[tuple[Path, str, list[Message]]]:
    """Each catalogue with its language and its messages; the English may leave out what is said."""
    for path in sorted(root.glob("*/**/LC_MESSAGES/*.po")):
        if not {".venv", "node_modules"} & {*path.parts}:
            language = path.parents[1].name
            with path.open("rb") as file:
                yield path, language, [one for one in read_po(file, locale=language) if one.id]


def untranslated_words(root: Path = ROOT) -> list[str]:
    """What a catalogue lacks, leaves empty, only guesses at, or says in the words it should translate."""
    found = [
        f"{name}: {code}" for name in list_names() for code in codes(name)
        if not (label(name, code, "fr") and label(name, code, "en"))
    ]  # fmt: skip
    for path, language, messages in catalogues(root):
        where = f"{path.relative_to(root)}: "
        found += [where + str(one.id) for one in messages if not _is_said(one, language)]
        if path.name == "siraba.po":
            known = {name_of(one) for one in messages}
            found += [where + one for one in sorted(used_in(path.parents[3]) - known)]
    return found


def name_of(message: Message) -> str:
    """What is translated, in its singular."""
    return message.id if isinstance(message.id, str) else message.id[0]


def _forms(said: Any) -> set[str]:
    """A singular and a plural, or the one form that there is."""
    return {said} if isinstance(said, str) else {*said}


def _is_said(message: Message, language: str) -> bool:
    """Whether all forms are there, and a whole sentence is not English still."""
    copied = language != "en" and message.string == message.id
    return (
        all(_forms(message.string))
        and not message.fuzzy
        and not (copied and len(name_of(message).split()) > _WORDS)
    )


class _Reading(HTMLParser):
    """Collects what a page says, without what it names as another language's."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.language = ""
        self._open: list[tuple[str, bool]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.language = self.language or given.get("lang") or ""
        foreign = given.get("lang", self.language) != self.language or tag in _SILENT
        silent = foreign or any(quiet for _, quiet in self._open)
        if not silent:
            self.said += [given.get(name) or "" for name in _SHOWN]
        if tag not in _VOID:
            self._open.append((tag, silent))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(quiet for _, quiet in self._open):
            self.said.append(data)


def said_on(page: str) -> set[str]:
    """What a page says, but for codes, numbers, addresses and months."""
    said = [part for text in _Reading(page).said for part in text.split(" · ")]
    return {*map(_without_codes, said)} - {""}


def _without_codes(text: str) -> str:
    return " ".join(w for w in text.split() if not _CODE.fullmatch(w) and w not in _MONTHS)


def same_in_both(root: Path = ROOT) -> frozenset[str]:
    """The words that French and English share: in the catalogues, and as names of codes."""
    found = {label(name, code, "en") for name in list_names() for code in codes(name)
             if label(name, code, "en") == label(name, code, "fr")}  # fmt: skip
    for _, language, messages in catalogues(root):
        for one in messages if language != "en" else ():
            found |= _forms(one.id) & _forms(one.string)
    found.add("Siraba")
    return frozenset(_without_codes(re.sub(r"%\(\w+\)s", "", one)) for one in found)


@dataclass(slots=True)
class BothLanguages:
    """Whatever page is asked for is asked for in the other language too, by the same person.

    same: what is right in both: names, what somebody typed, and words that both languages have.
    """

    app: ASGIApp
    same: frozenset[str]
    standing: set[str] = field(default_factory=set)
    compared: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry: a form that was refused did nothing, so that it can be asked again."""
        body, more = b"", scope["type"] == "http"
        while more:
            told = await receive()
            body, more = body + told.get("body", b""), bool(told.get("more_body"))
        answer = _Answer(send)
        await self.app(scope, _again(body, receive), answer)
        if answer.is_page and (scope["method"] == "GET" or answer.status == 422):
            other = _Answer()
            await self.app(_in_other(scope, answer.language), _again(body, receive), other)
            if other.is_page and other.language != answer.language:
                self.compared += 1
                self.compare(scope["path"], answer.text, other.text)

    def compare(self, path: str, *pages: str) -> None:
        """Notes what the page says in the same words in both languages."""
        one, other = map(said_on, pages)
        found = {words for words in one & other if not self.same.issuperset(words.split(", "))}
        self.standing |= {f"{path}: {words}" for words in found - self.same}


def _again(body: bytes, receive: Receive) -> Receive:
    told = [{"type": "http.request", "body": body, "more_body": False}]

    async def once_more() -> Told:
        return told.pop() if told else await receive()

    return once_more


def _in_other(scope: Scope, language: str) -> Scope:
    other = next(one for one in LANGUAGES if one != language)
    query = [one for one in parse_qsl(scope["query_string"].decode(), True) if one[0] != "lang"]
    asked = urlencode([*query, ("lang", other)]).encode()
    return {**scope, "query_string": asked}


class _Answer:
    """An answer, kept if it is a page, and handed on if somebody waits for it."""

    def __init__(self, send: Send | None = None) -> None:
        self._send = send
        self._parts: list[bytes] = []
        self._head: MutableMapping[str, Any] = {}
        self.is_page = False

    async def __call__(self, told: Told) -> None:
        if told["type"] == "http.response.start":
            self._head = told
            self.is_page = self._header(b"content-type").startswith("text/html")
        elif self.is_page:
            self._parts.append(told.get("body", b""))
        if self._send is not None:
            await self._send(told)

    @property
    def status(self) -> int:
        return int(self._head["status"])

    @property
    def language(self) -> str:
        return self._header(b"content-language")

    @property
    def text(self) -> str:
        body = b"".join(self._parts)
        is_packed = self._header(b"content-encoding") == "gzip"
        return (decompress(body) if is_packed else body).decode()

    def _header(self, name: bytes) -> str:
        headers: Iterable[tuple[bytes, bytes]] = self._head.get("headers", ())
        return next((value.decode() for key, value in headers if key.lower() == name), "")
