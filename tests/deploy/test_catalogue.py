"""The reference: complete, in both languages, without a broken link, and with nothing from afar."""

import json
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from babel.messages.pofile import read_po
from markupsafe import escape

from contracts.catalogue import EVENTS, FEED, REQUESTS
from contracts.generate import SCHEMAS
from contracts.recorded import recorded_messages
from contracts.vocabulary import codes, label, list_names
from contracts.vocabulary.reference import LISTS, rows
from deploy.catalogue.messages import CHANNELS, audience_of, paragraphs
from deploy.catalogue.site import LOCALE, build

pytestmark = pytest.mark.share("road")
ROOT = Path(__file__).parents[2]
LANGUAGES = ("fr", "en")
BOTH = pytest.mark.parametrize("language", LANGUAGES)


class Elements(HTMLParser):
    """What a page is made of: its tags, its ids, and those of its tags that are left open."""

    VOID = ("meta", "link", "img", "br", "wbr", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the command writes it."""
    out = tmp_path_factory.mktemp("reference") / "catalogue"
    command = [sys.executable, "-m", "deploy.cli", "catalogue", "--out", str(out)]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "pages" in ran.stdout
    return out


def pages_of(reference: Path) -> Iterator[tuple[Path, Elements]]:
    for path in sorted(reference.rglob("*.html")):
        yield path, Elements(path.read_text("utf-8"))


def test_no_link_leads_nowhere_and_nothing_is_loaded_from_afar(reference: Path) -> None:
    ids = {
        path: {attributes.get("id") for _, attributes in page.seen}
        for path, page in pages_of(reference)
    }
    followed = 0
    for path, page in pages_of(reference):
        for tag, attributes in page.seen:
            assert tag not in ("script", "style", "iframe")
            assert not {name for name in attributes if name == "style" or name.startswith("on")}
            link = attributes.get("href") or attributes.get("src")
            if link is None:
                continue
            followed += 1
            assert ":" not in link.partition("/")[0], link
            there, anchor = urldefrag(link)
            target = (path.parent / unquote(there)).resolve() if there else path
            assert target.is_file(), f"{path.relative_to(reference)}: {link}"
            assert not anchor or anchor in ids[target]
    assert followed > 2000


def test_every_page_can_be_read_without_eyes_and_on_a_phone(reference: Path) -> None:
    for path, page in pages_of(reference):
        tags = [tag for tag, _ in page.seen]
        assert page.open == [], path.name
        assert (tags.count("main"), tags.count("h1"), tags.count("title")) == (1, 1, 1), path.name
        assert all("alt" in attributes for tag, attributes in page.seen if tag == "img")
        assert all("scope" in attributes for tag, attributes in page.seen if tag == "th")
        assert any(attributes.get("name") == "viewport" for _, attributes in page.seen)
        language = next(attributes["lang"] for tag, attributes in page.seen if tag == "html")
        assert language == (
            path.relative_to(reference).parts[0] if path.parent != reference else "fr"
        )


@BOTH
def test_every_message_has_a_page_with_its_fields_and_its_example(
    reference: Path, language: str
) -> None:
    recorded = {(one.channel, one.type): one for one in recorded_messages()}
    for channel, types in CHANNELS.items():
        for type in types:
            name = type.removeprefix("ml.siraba.")
            text = (reference / language / channel / f"{name}.html").read_text("utf-8")
            schema = json.loads((SCHEMAS / channel / f"{type}.json").read_bytes())
            assert type in text
            assert recorded[channel, type].event["sirabasignature"] in text
            for field in schema.get("properties", {}):
                assert f"<code>{field.replace('_', '_<wbr>')}</code>" in text, f"{type} {field}"
    assert sum(map(len, CHANNELS.values())) == len(EVENTS) + len(FEED) + len(REQUESTS)


@BOTH
def test_every_code_has_its_words(reference: Path, language: str) -> None:
    for name in list_names():
        page = Elements((reference / language / "codes" / f"{name}.html").read_text("utf-8"))
        assert set(codes(name)) <= {attributes.get("id") for _, attributes in page.seen}

    service = (reference / language / "codes" / "service.html").read_text("utf-8")
    assert label("service", "shelter", "fr") in service
    assert label("service", "shelter", "en") in service


@BOTH
def test_every_line_of_the_law_is_shown_with_its_days_and_its_source(
    reference: Path, language: str
) -> None:
    shown = (reference / language / "law.html").read_text("utf-8").replace("<wbr>", "")
    for name in LISTS:
        for row in rows(name):
            named = row.fr if language == "fr" else row.en
            days = (str(day) for day in (row.valid_from, row.valid_to) if day)
            for said in (row.code, named, row.source, row.note, *days):
                assert str(escape(said)) in shown


def test_the_documents_lie_beside_the_pages(reference: Path) -> None:
    for one in recorded_messages():
        example = json.loads(
            (reference / "examples" / one.channel / f"{one.type}.json").read_bytes()
        )
        assert example == dict(one.event)
    for service in ("intake", "referral", "reporting"):
        document = json.loads((reference / "openapi" / f"{service}.json").read_bytes())
        assert document["openapi"].startswith("3.1")
    feed = json.loads((reference / "openapi" / "referral.json").read_bytes())["paths"]
    assert {"/partners/feed", "/partners/requests"} <= feed.keys()
    for name in ("asyncapi.json", "asyncapi-internal.json"):
        assert (reference / name).read_bytes() == (ROOT / "contracts" / name).read_bytes()


def test_what_is_no_markup_is_shown_as_it_is(reference: Path) -> None:
    text = (reference / "fr" / "feed" / "index.html").read_text("utf-8")

    assert "<code>out.&lt;CODE&gt;.…</code>" in text


def test_what_changed_is_told_by_message_and_by_version(reference: Path) -> None:
    refused = (reference / "en" / "feed" / "request.refused.v1.html").read_text("utf-8")
    changes = (reference / "fr" / "changes.html").read_text("utf-8")

    assert "<code>count</code>: new" in refused
    assert "Came with this version." in refused
    assert "../fr/feed/request.refused.v1.html" in changes
    assert "<code>count</code> nouveau" in changes


def test_somebody_is_named_for_every_message_of_the_feeds() -> None:
    for model in FEED.values():
        assert audience_of(model.name), model.name


@BOTH
def test_every_word_of_the_contracts_is_translated(language: str) -> None:
    said = {
        paragraph
        for types in CHANNELS.values()
        for model in types.values()
        for paragraph in paragraphs(model)
    }
    with (LOCALE / language / "LC_MESSAGES" / "contracts.po").open("rb") as file:
        known = {message.id for message in read_po(file, locale=language) if message.string}

    # English is what is said.
    assert known - {""} == (said if language == "fr" else set())


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")

    with pytest.raises(ValueError, match="holds something else"):
        build(tmp_path, apis={})

    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_writing_it_again_leaves_nothing_behind(tmp_path: Path) -> None:
    build(tmp_path / "out", apis={})
    (tmp_path / "out" / "fr" / "old.html").write_text("old")

    assert build(tmp_path / "out", apis={}) > 200

    assert not (tmp_path / "out" / "fr" / "old.html").exists()
