"""The annual report: what it shows, what it hides, and that it comes out the same again."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from secrets import token_bytes
from xml.etree.ElementTree import fromstring

import pytest
from babel.messages.pofile import read_po
from openpyxl import load_workbook
from sqlalchemy import text

from contracts.identifiers import Mint
from services.reporting.domain import Window
from services.reporting.domain.disclosure import PUBLIC_K
from services.reporting.domain.edition import Audience, Edition
from services.reporting.editions import differences, edition_in, manifest, write_edition
from services.reporting.editions.charts import chart, shade
from services.reporting.editions.manifest import relaid, written
from services.reporting.editions.paper import PHRASES, WORDS, paper
from services.reporting.editions.revisions import TEXTS as REVISION_TEXTS
from services.reporting.editions.sheets import COLUMNS
from services.reporting.editions.view import HIDDEN, LOCALE, View, view_of
from services.reporting.editions.words import (
    CODES,
    DIMENSIONS,
    METHOD,
    REASONS,
    SECTIONS,
    TITLES,
    UNITS,
    section_of,
)
from services.reporting.gateways.interval_solver import Bounding
from services.reporting.store.indicators import INDICATORS
from services.reporting.use_cases.dividing import UnknownCode
from services.reporting.use_cases.drawing import Drawn, NothingCounted, Table, draw_edition
from services.reporting.use_cases.summing import REPORTED
from tests.ledger import Figure
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Happenings, Roles, take
from tests.trust.faults import need, ran

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")
MINT = Mint(now_ms=lambda: 1_800_000_000_000, entropy=token_bytes)
TEXT = "{http://www.w3.org/2000/svg}text"
AS_OF = datetime(2027, 1, 15, tzinfo=UTC)
#: Children, women, men: region, sex, age band, how many.
PERSONS = (
    ("01", "female", "12-14", 40), ("01", "male", "9-11", 30), ("06", "female", "25-34", 25),
    ("06", "male", "35-59", 3), ("07", "female", "18-24", 14), ("07", "unknown", "unknown", 12),
)  # fmt: skip


def edition(audience: Audience = "public", *, year: int = 2026, as_of: datetime = AS_OF) -> Edition:
    window = Window(start=date(year, 1, 1), end=date(year + 1, 1, 1), as_of=as_of)
    return Edition(audience=audience, window=window)


def a_year(year: int) -> Happenings:
    """Each test has its own: what was published cannot be taken back, also not by a test."""
    happened = Happenings()
    case = 0
    for region, sex, age_band, count in PERSONS:
        for _ in range(count):
            happened.registered(
                case,
                region=region,
                sex=sex,
                age_band=age_band,
                detected_on=date(year, 5, 1),
                minutes=case,
            )
            case += 1
    return happened


async def draw(roles: Roles, which: Edition) -> Drawn:
    return await draw_edition(roles.work, which, solve=Bounding(wide=which.k), mint=MINT)


def table(drawn: Drawn, name: str) -> Table:
    return next(one for one in drawn.tables if one.name == name)


def values(drawn: Drawn, name: str) -> dict[str, int | None]:
    return {one.code: one.value for one in table(drawn, name).rows}


async def test_a_small_number_is_hidden_and_cannot_be_computed(roles: Roles) -> None:
    await take(roles.work, a_year(2020).events)
    drawn = await draw(roles, edition(year=2020))

    assert values(drawn, "V1") == {"": 124}
    groups = values(drawn, "V1 group")
    # Three men, and the twelve of whom nobody knows the sex would tell of them.
    assert groups == {"girl": 40, "boy": 30, "woman": 39, "man": None, "unknown": None}
    regions = values(drawn, "V1 region")
    assert regions["01"] == 70
    assert None not in regions.values()


async def test_the_internal_edition_shows_from_five_on(roles: Roles) -> None:
    happened = a_year(2021)
    for case in range(900, 903):
        happened.registered(
            case,
            detected_on=date(2021, 5, 1),
            region="06",
            sex="male",
            age_band="35-59",
            minutes=case,
        )
    await take(roles.work, happened.events)

    assert values(await draw(roles, edition(year=2021)), "V1 group")["man"] is None
    inside = values(await draw(roles, edition("internal", year=2021)), "V1 group")
    assert inside == {"girl": 40, "boy": 30, "woman": 39, "man": 6, "unknown": 12}


async def test_a_later_edition_does_not_tell_who_was_added(roles: Roles) -> None:
    happened = a_year(2022)
    early = datetime(2026, 12, 1, tzinfo=UTC)
    for case in range(900, 903):
        happened.registered(
            case, detected_on=date(2022, 5, 1), region="01", age_band="12-14", minutes=60 * 24 * 20
        )
    await take(roles.work, happened.events)

    first, second = (
        await draw(roles, edition(year=2022, as_of=early)),
        await draw(roles, edition(year=2022)),
    )

    assert values(first, "V1") == {"": 124}
    # 127 beside 124 would say that three came: it is not shown, and so is no row of theirs.
    assert values(second, "V1") == {"": None}
    assert values(second, "V1 region")["01"] is None
    assert values(second, "V1 region")["07"] == 26


async def test_the_same_edition_again_has_the_same_tables(roles: Roles, figure: Figure) -> None:
    await take(roles.work, a_year(2023).events)
    first_drawn = await draw(roles, edition(year=2023))
    first = manifest(first_drawn)
    await draw(roles, edition(year=2023, as_of=datetime(2027, 2, 1, tzinfo=UTC)))

    which, said = edition_in(written(first))
    again = manifest(await draw(roles, which))

    assert said["tables"].keys() >= {"V1", "V1 group", "J4 verdict"}
    # What would differ is seen.
    which_not = replace(first_drawn, tables=first_drawn.tables[1:])
    assert differences(said, manifest(which_not)) == ["tables: P1S"]
    figure("figures.manifest.identical", int(not differences(said, again)))


async def test_a_year_without_data_is_no_report(roles: Roles) -> None:
    await take(roles.work, a_year(2024).events)
    with pytest.raises(NothingCounted):
        await draw(roles, edition(year=2031))


async def test_a_fact_that_nobody_understands_stops_the_report_and_nothing_is_out(
    roles: Roles,
) -> None:
    await take(roles.work, a_year(2017).events)
    async with roles.work.begin() as connection:
        await connection.execute(
            text("update facts_cases set exploitation = '{nonsense}' where region = '07'")
        )

    with pytest.raises(UnknownCode):
        await draw(roles, edition(year=2017))

    async with roles.work.connect() as connection:
        out = await connection.scalars(
            text("""
                select release from published where release like 'annual/%/2017-%'
                union all select name from editions where name like 'annual/%/2017-%'
                union all select subject from outbox where subject like 'annual/%/2017-%'
            """)
        )
        assert list(out) == []


async def test_the_report_is_written_whole_or_not_at_all(roles: Roles, tmp_path: Path) -> None:
    await take(roles.work, a_year(2025).events)
    drawn = await draw(roles, edition(year=2025))
    out = tmp_path / "report"

    def refuse(_: bytes) -> str:
        raise OSError("no key")

    with pytest.raises(OSError, match="no key"):
        write_edition(drawn, out, language="fr", sign=refuse)
    assert list(tmp_path.iterdir()) == []
    files = write_edition(drawn, out, language="fr", sign=lambda _: "signed")
    named = {"manifest.json", "manifest.sig", "report-fr.html", "report-fr.pdf"}
    assert named <= {one.name for one in files}
    with pytest.raises(FileExistsError):
        write_edition(drawn, out, language="en", sign=lambda _: "signed")
    assert_the_same_files_again(drawn, out, tmp_path / "again")


def assert_the_same_files_again(drawn: Drawn, first: Path, again: Path) -> None:
    write_edition(drawn, again, language="fr", sign=lambda _: "signed")
    _, said = edition_in((first / "manifest.json").read_bytes())
    assert said["files"].keys() >= {"report-fr.pdf", "report-fr.html", "report-fr.xlsx"}
    assert relaid(said, again) == []
    # What would differ is seen.
    with (again / "report-fr.pdf").open("ab") as file:
        file.write(b" ")
    assert relaid(said, again) == ["report-fr.pdf"]


async def test_every_figure_says_its_unit_and_meaning_in_both_languages(
    roles: Roles, tmp_path: Path
) -> None:
    await take(roles.work, a_year(2026).events)
    drawn = await draw(roles, edition(year=2026))
    views: dict[str, View] = {one: view_of(drawn, one) for one in ("fr", "en")}
    for view in views.values():
        shown = [one for section in view.sections for one in section.figures]
        assert {one.code for one in shown} == set(INDICATORS) | {one.code for one in REPORTED}
        assert all(one.unit and len(one.definition) >= 2 for one in shown)
    write_edition(drawn, tmp_path / "fr", language="fr", sign=lambda _: "signed")
    book = load_workbook(tmp_path / "fr" / "report-fr.xlsx")
    assert [one.value for one in book["V1 group"]["B"][2:]] == [40, 30, 39, "s", "s"]
    with (tmp_path / "fr" / "tables-fr.csv").open(encoding="utf-8-sig") as file:
        rows = {(one["indicator"], one["code"]): one["value"] for one in csv.DictReader(file)}
    assert (rows["V1", ""], rows["V1", "man"]) == ("124", "s")
    text = (tmp_path / "fr" / "report-fr.html").read_text("utf-8")
    assert "Victimes présumées repérées" in text
    assert str(PUBLIC_K) in text


async def test_the_pdf_is_tagged_and_says_what_the_page_says(roles: Roles, tmp_path: Path) -> None:
    need("poppler-utils")
    await take(roles.work, a_year(2018).events)
    drawn = await draw(roles, edition(year=2018))
    file = tmp_path / "report.pdf"

    for language, said in (("fr", "« s »"), ("en", "“s”")):
        view = view_of(drawn, language)
        file.write_bytes(paper(view))
        assert "Tagged:          yes" in ran("pdfinfo", str(file))
        assert f"<rdf:li>{language}</rdf:li>" in ran("pdfinfo", "-meta", str(file))
        fonts = [one.split()[-5:-2] for one in ran("pdffonts", str(file)).splitlines()[2:]]
        # Embedded, in part, and each letter can be read back.
        assert {tuple(one) for one in fonts} == {("yes", "yes", "yes")}
        text = " ".join(ran("pdftotext", "-layout", str(file), "-").split())
        assert said in text
        for shown in (one for section in view.sections for one in section.figures):
            assert f"{shown.title} ({shown.code})" in text
            assert f"{shown.whole.value} {shown.unit}" in text
    assert_a_none_is_not_drawn_as_a_hidden_number(view_of(drawn, "en"))
    assert_pictures_show_each_label_whole(view_of(drawn, "fr"))


def assert_a_none_is_not_drawn_as_a_hidden_number(view: View) -> None:
    figures = (one for section in view.sections for one in section.figures)
    lines = [line for one in figures for part in one.divisions for line in part.lines]
    assert {one.value for one in lines} >= {"0", HIDDEN, "70"}
    assert all((one.share is None) == (one.value == HIDDEN) for one in lines)
    assert shade(None) not in [shade(part / 10) for part in range(11)]


def assert_pictures_show_each_label_whole(view: View) -> None:
    """Two chambers of one court begin alike, and what has no region is no tile of the country."""
    figures = (one for section in view.sections for one in section.figures)
    for division in (part for one in figures for part in one.divisions):
        picture = chart(division)
        assert bool(picture) == any(one.number for one in division.lines)
        if picture:
            texts = list(fromstring(picture).iter(TEXT))  # noqa: S314 - ours
            drawn = " ".join("".join(one.itertext()) for one in texts)
            # Beside a bar, in the widest font that a reader may have.
            for one in texts if division.kind == "bars" else ():
                assert float(one.get("font-size", 99)) * len(one.text or "") <= 460
            words = (word for one in division.lines for word in one.label.split())
            assert [
                word for word in words if word not in {"District", "de"} | {*drawn.split()}
            ] == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_word_is_in_the_catalogue(language: str) -> None:
    with (LOCALE / language / "LC_MESSAGES" / "report.po").open("rb") as file:
        known = {message.id for message in read_po(file, locale=language) if message.string}
    said = {*TITLES.values(), *UNITS.values(), *DIMENSIONS.values(), *CODES.values(), *METHOD}
    said |= {title for _, title in SECTIONS} | {text for _, text in COLUMNS}
    said |= {*WORDS.values(), *PHRASES.values(), *REASONS.values(), *REVISION_TEXTS}
    for one in INDICATORS.values():
        said |= {one.numerator} | ({one.denominator} if one.denominator else set())
        assert section_of(one.code)
    assert said - known == set()
