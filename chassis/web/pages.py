"""Renders pages in French and English from a shared layout; every word goes through gettext."""

import gettext
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from babel.dates import format_date, format_datetime, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.units import format_unit
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contracts.vocabulary import label

HERE = Path(__file__).parent
LANGUAGES = ("fr", "en")
LANGUAGE_COOKIE = "siraba_lang"
A_YEAR = 365 * 24 * 3600
#: Where in a request's scope a page finds who looks at it (chassis.web.entrance).
VISIT = "siraba.visit"
#: Where it says that it may run our script, which no other page may (chassis.web.shield).
LIVE = "siraba.live"


def load_translations(
    language: str, folders: Sequence[Path], *, domain: str = "siraba"
) -> gettext.NullTranslations:
    """Read `<folder>/<language>/LC_MESSAGES/<domain>.po` of each folder; earlier folders win."""
    chain: gettext.NullTranslations = gettext.NullTranslations()
    for folder in reversed(folders):
        path = folder / language / "LC_MESSAGES" / f"{domain}.po"
        compiled = io.BytesIO()
        with path.open("rb") as file:
            write_mo(compiled, read_po(file, locale=language))
        compiled.seek(0)
        translations = gettext.GNUTranslations(compiled)
        translations.add_fallback(chain)
        chain = translations
    return chain


def language_of(request: Request) -> str:
    """Choose by `?lang=`, then by the cookie it left, then by Accept-Language; else French."""
    for chosen in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if chosen in LANGUAGES:
            return chosen
    for tag in _by_preference(request.headers.get("accept-language", "")):
        if tag in LANGUAGES:
            return tag
    return LANGUAGES[0]


def _by_preference(header: str) -> list[str]:
    weighed = []
    for position, item in enumerate(header.split(",")):
        tag, _, weight = item.partition(";q=")
        try:
            weighed.append((-float(weight or 1), position, tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue  # a weight that is no number: as if the tag were not there
    return [tag for weight, _, tag in sorted(weighed) if weight < 0]


class Pages:
    """Templates of the chassis and, before them, of the service, once for each language.

    Args:
        templates: the service's own template folders.
        locales: the service's own catalogues, `<folder>/<language>/LC_MESSAGES/siraba.po`.
    """

    def __init__(self, *, templates: Sequence[Path] = (), locales: Sequence[Path] = ()) -> None:
        self._environments = {
            language: page_environment(
                language,
                [*templates, HERE / "templates"],
                load_translations(language, [*locales, HERE / "locale"]),
            )
            for language in LANGUAGES
        }

    def render(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        kept: Mapping[str, str] | None = None,
        live: bool = False,
    ) -> HTMLResponse:
        """Answer with a page in the reader's language; `?lang=` is remembered in a cookie.

        kept: the query, checked by the page, that its language links repeat; nothing else of it is.
        live: whether the page runs `static/live.js`, which keeps it up to date.
        """
        request.scope[LIVE] = live
        language = language_of(request)
        root = str(request.scope.get("root_path", ""))
        page = self._environments[language].get_template(template)
        text = page.render(
            {
                "language": language,
                "root": root,
                "visit": request.scope.get(VISIT),
                "switches": _switches(kept or {}),
                **(context or {}),
            }
        )
        response = HTMLResponse(
            text, status, {"Content-Language": language, "Vary": "Accept-Language, Cookie"}
        )
        if request.query_params.get("lang") == language:
            response.set_cookie(
                LANGUAGE_COOKIE, language, max_age=A_YEAR, path="/",
                httponly=True, samesite="lax", secure=request.url.scheme == "https",
            )  # fmt: skip
        return response


def _switches(kept: Mapping[str, str]) -> dict[str, str]:
    """The query that shows this page in each language."""
    return {language: "?" + urlencode({**kept, "lang": language}) for language in LANGUAGES}


def page_environment(
    language: str, templates: Iterable[Path], translations: gettext.NullTranslations
) -> Environment:
    """Jinja with these words, and numbers, days and moments as the language writes them."""
    environment = Environment(
        loader=FileSystemLoader(list(templates)),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # added by the extension
    environment.filters.update(_filters(language))
    environment.globals["words"] = _speaker(language)
    return environment


def _speaker(language: str) -> Callable[..., str]:
    """The words of a list's codes, one after the other."""

    def words(list_name: str, *codes: str) -> str:
        return ", ".join(label(list_name, code, language) for code in codes)

    return words


def _filters(language: str) -> dict[str, Any]:
    """Numbers, days, moments (to the minute), instants (to the second) and durations in its way."""

    def number(value: float) -> str:
        return str(format_decimal(value, locale=language))

    def day(value: date) -> str:
        return str(format_date(value, format="long", locale=language))

    def moment(value: datetime) -> str:
        return format_moment(value, language)

    def instant(value: datetime) -> str:
        return str(format_datetime(value, format="medium", locale=language))

    def duration(value: timedelta) -> str:
        return format_duration(value, language)

    return {
        "number": number,
        "day": day,
        "moment": moment,
        "instant": instant,
        "duration": duration,
    }


def format_moment(value: datetime, language: str) -> str:
    """Write a day and a time to the minute."""
    day = format_date(value, format="medium", locale=language)
    return f"{day}, {format_skeleton('Hm', value, locale=language)}"


def format_duration(value: timedelta, language: str) -> str:
    """Write a duration in at most two units: days and hours, hours and minutes, or less."""
    seconds = round(value.total_seconds())
    counts = {
        "duration-day": seconds // 86400,
        "duration-hour": seconds // 3600 % 24,
        "duration-minute": seconds // 60 % 60,
        "duration-second": seconds % 60,
    }
    units = list(counts)
    first = next((at for at, unit in enumerate(units) if counts[unit]), len(units) - 1)
    shown = [unit for unit in units[first : first + 2] if counts[unit] or unit == units[first]]
    words = [format_unit(counts[unit], unit, length="short", locale=language) for unit in shown]
    return " ".join(str(word) for word in words)
