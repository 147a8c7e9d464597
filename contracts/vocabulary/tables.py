"""Reads the packaged tables of codes, once, when somebody first asks for one."""

import csv
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# Lists whose table is a file of their own, because places and countries have more attributes.
PLACES = ("region", "cercle", "country")


class UnknownList(LookupError):
    """A list of codes was asked for that no table holds: a mistake in our own code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One code, its French and English label, and the codes that other standards use for it."""

    code: str
    fr: str
    en: str
    htcds: tuple[str, ...] = ()
    glotip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """One of the 19 regions or the District of Bamako, with the four code systems that collide.

    Only `ct` is a key here. ISO 3166-2 numbers Ménaka 9 and Taoudénit 10, the reverse of the
    national codes, and the regions of 2023 have no ISO code yet: never join on a bare number.
    neighbours: the CT codes of those it shares a border with, by the cercles that the regions of 2023 are made of.
    """

    ct: str
    ca: str
    pcode: str
    iso: str | None
    name: str
    split_from: str | None
    population_2022: int
    neighbours: tuple[str, ...]


def normalise(text: str) -> str:
    """The letters and digits of a text, without case or accents: how people's spellings meet."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in decomposed if c.isalnum())


def table(name: str) -> list[dict[str, str]]:
    """The rows of one packaged CSV file, by column name."""
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def reader_rows() -> Mapping[tuple[str, str], str]:
    """(organisation kind, relation to the case) → row of the need-to-know matrix."""
    return {(row["kind"], row["relation"]): row["reader"] for row in table("readers.csv")}


@cache
def territory_table() -> Mapping[str, Territory]:
    """The 20 territorial units by CT code, in the order of the law."""
    return {row["ct"]: _territory(row) for row in table("territories.csv")}


@cache
def lists() -> Mapping[str, Mapping[str, Entry]]:
    """Every list, each as its entries by code, in the order of its table."""
    found: dict[str, dict[str, Entry]] = {}
    for row in table("terms.csv"):
        found.setdefault(row["list"], {})[row["code"]] = _term(row)
    for name, read in (("region", _regions), ("cercle", _cercles), ("country", _countries)):
        found[name] = {entry.code: entry for entry in read()}
    return found


def entries(list_name: str) -> Mapping[str, Entry]:
    """The entries of one list by code; raises UnknownList for a name that no table holds."""
    try:
        return lists()[list_name]
    except KeyError:
        raise UnknownList(f"no list of codes is called {list_name!r}") from None


@cache
def spellings(list_name: str) -> Mapping[str, str]:
    """Normalised spelling → code: the code and both labels first, then the HTCDS values.

    Several codes may share one HTCDS value, which is coarser than ours; unless a code or a label
    claims it, the first term of the table that carries it stands for it.
    """
    known = tuple(entries(list_name).values())
    own = {normalise(name): e.code for e in known for name in (e.en, e.fr, e.code)}
    other = {normalise(name): e.code for e in reversed(known) for name in reversed(e.htcds)}
    return other | own


def _territory(row: dict[str, str]) -> Territory:
    return Territory(
        ct=row["ct"],
        ca=row["ca"],
        pcode=row["pcode"],
        iso=row["iso"] or None,
        name=row["name"],
        split_from=row["split_from"] or None,
        population_2022=int(row["population_2022"]),
        neighbours=tuple(row["neighbours"].split()),
    )


def _term(row: dict[str, str]) -> Entry:
    values = tuple(value for value in row["htcds"].split("|") if value)
    return Entry(code=row["code"], fr=row["fr"], en=row["en"], htcds=values, glotip=row["glotip"])


def _regions() -> Iterator[Entry]:
    for ct, unit in territory_table().items():
        bare = unit.name.removeprefix("District de ")
        english = unit.name if bare == unit.name else f"{bare} District"
        yield Entry(code=ct, fr=unit.name, en=english, htcds=(bare,))


def _cercles() -> Iterator[Entry]:
    for row in table("cercles.csv"):
        yield Entry(code=row["code"], fr=row["name"], en=row["name"])


def _countries() -> Iterator[Entry]:
    for row in table("countries.csv"):
        values = tuple(value for value in (row["alpha2"], row["htcds"]) if value)
        yield Entry(code=row["alpha3"], fr=row["fr"], en=row["en"], htcds=values)
