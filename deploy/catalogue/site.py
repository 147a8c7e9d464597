"""Writes the reference: static pages in French and English, and the documents they link to."""

import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup, escape

from chassis.web import LANGUAGES
from chassis.web import pages as web
from contracts.catalogue import FEED, REQUESTS
from contracts.generate import ASYNCAPI, ASYNCAPI_INTERNAL, SCHEMAS, rendered
from contracts.recorded import recorded_messages
from contracts.releases import VERSION
from contracts.vocabulary import codes, entry, list_names
from contracts.vocabulary.reference import rows
from deploy.catalogue.calls import calls_of
from deploy.catalogue.messages import CHANNELS, Page, message_pages

HERE: Final = Path(__file__).parent
LOCALE: Final = HERE / "locale"
#: Tells a reference of ours from a folder that somebody else may need.
MARKER: Final = ".siraba-catalogue"
Documents = Mapping[str, dict[str, Any]]


def build(out: Path, *, apis: Documents) -> int:
    """Write everything into `out`, which is emptied first; how many pages there are.

    apis: service → OpenAPI document. Raises ValueError for a folder that holds something else.
    """
    _clear(out)
    shutil.copytree(web.HERE / "static", out / "static")
    shutil.copytree(HERE / "static", out / "static", dirs_exist_ok=True)
    _write_documents(out, apis)
    for language in LANGUAGES:
        _Site(out, language, apis).write()
    environment = _environment("fr")
    (out / "index.html").write_text(environment.get_template("entry.html").render(), "utf-8")
    return sum(1 for _ in out.rglob("*.html"))


def _clear(out: Path) -> None:
    if out.exists() and any(out.iterdir()) and not (out / MARKER).exists():
        raise ValueError(f"{out}: holds something else; choose an empty folder")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARKER).touch()


def _write_documents(out: Path, apis: Documents) -> None:
    shutil.copytree(SCHEMAS, out / "schemas")
    for path in (ASYNCAPI, ASYNCAPI_INTERNAL):
        shutil.copy(path, out)
    for service, document in apis.items():
        _write(out / "openapi" / f"{service}.json", rendered(document))
    for one in recorded_messages():
        _write(out / "examples" / one.channel / f"{one.type}.json", rendered(dict(one.event)))


@dataclass(slots=True)
class _Site:
    """All pages of one language."""

    out: Path
    language: str
    apis: Documents

    def write(self) -> None:
        words = web.load_translations(self.language, [LOCALE, web.HERE / "locale"])
        texts = web.load_translations(self.language, [LOCALE], domain="contracts")
        environment = _environment(self.language)
        pages = list(message_pages(self.language, words=words, texts=texts))
        counts = {"feed": len(FEED), "requests": len(REQUESTS)}
        self._page(environment, "start.html", "index.html", counts=counts, lists=len(list_names()))
        for page in pages:
            self._page(environment, "message.html", page.path, page=page)
        for channel in CHANNELS:
            mine = [page for page in pages if page.channel == channel]
            self._page(
                environment,
                "messages.html",
                f"{channel}/index.html",
                channel=channel,
                pages=mine,
            )
        self._codes(environment, pages)
        self._law(environment, words.gettext)
        apis = [(service, calls_of(document)) for service, document in self.apis.items()]
        self._page(environment, "apis.html", "apis/index.html", apis=apis)
        self._page(environment, "changes.html", "changes.html", versions=_versions(pages))

    def _codes(self, environment: Environment, pages: Iterable[Page]) -> None:
        uses: dict[str, dict[str, Page]] = {}
        for page in pages:
            for row in page.rows:
                if row.list is not None:
                    uses.setdefault(row.list, {})[page.path] = page
        lists = [
            (name, len(codes(name)), list(uses.get(name, {}).values())) for name in list_names()
        ]
        self._page(environment, "codes.html", "codes/index.html", lists=lists)
        for name in list_names():
            entries = [entry(name, code) for code in codes(name)]
            self._page(
                environment,
                "list.html",
                f"codes/{name}.html",
                name=name,
                entries=entries,
                has_htcds=any(one.htcds for one in entries),
                has_glotip=any(one.glotip for one in entries),
            )

    def _law(self, environment: Environment, _: Callable[[str], str]) -> None:
        titles = {
            "offences": _("Offences"),
            "courts": _("Courts"),
            "holidays": _("Legal holidays"),
        }
        lists = [(name, title, rows(name)) for name, title in titles.items()]
        self._page(environment, "law.html", "law.html", lists=lists)

    def _page(self, environment: Environment, template: str, path: str, **context: Any) -> None:
        root = "../" * (path.count("/") + 1)
        shown = environment.get_template(template).render(
            language=self.language, root=root, path=path, version=VERSION, **context
        )
        _write(self.out / self.language / path, shown)


def _versions(pages: list[Page]) -> list[tuple[str, bool, dict[str, list[Page]], list[Any]]]:
    """(version, whether it is released, channel → pages that came, pages that gained), newest first."""
    found: dict[tuple[str, bool], tuple[dict[str, list[Page]], list[Any]]] = {}
    for page in pages:
        for version, is_released, changes in page.history:
            came, gained = found.setdefault((version, is_released), ({}, []))
            if changes:
                gained.append((page, changes))
            else:
                came.setdefault(page.channel, []).append(page)
    newest_first = sorted(found, key=lambda one: [int(n) for n in one[0].split(".")], reverse=True)
    return [(*key, *found[key]) for key in newest_first]


def _environment(language: str) -> Environment:
    words = web.load_translations(language, [LOCALE, web.HERE / "locale"])
    environment = web.page_environment(language, [HERE / "templates"], words)
    environment.filters |= {"code": _coded, "breakable": _breakable}
    return environment


def _coded(text: str) -> Markup:
    """`This` as code. Translated words come as markup, though none of them has any."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(str(text)))))  # noqa: S704 - escaped first


def _breakable(text: str) -> Markup:
    """A long name may be broken after a dot, an underscore or a slash."""
    return Markup(re.sub(r"([._/])(?=\S)", r"\1<wbr>", str(escape(text))))  # noqa: S704 - escaped first


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
