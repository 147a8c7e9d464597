"""`siraba policy`: the need-to-know rules in force, for the people who answer for them."""

import gettext
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from chassis.web.pages import LANGUAGES, load_translations
from contracts.policy import Cell, GroundRule, Policy, the_policy
from contracts.policy.tables import ACCESS
from contracts.vocabulary import codes, label
from deploy.commands.context import failing_clearly

Words = gettext.NullTranslations
LOCALE = Path(__file__).parent / "locale"
LETTERS = {"full": "F", "covered": "O", "state": "S", "counts": "K", "never": "–"}
NOTES = "¹²³⁴⁵⁶⁷⁸⁹"

policy = typer.Typer(
    help="Look at the need-to-know policy: who may know what of a person, when, on what ground.",
    no_args_is_help=True,
    add_completion=False,
)


@policy.callback()
def _policy() -> None:
    """Keep `show` a command of its own while it is the only one."""


@policy.command("show")
@failing_clearly
def show(
    reader: Annotated[
        str | None,
        typer.Option(help="One row in detail, by its code, e.g. shelter or police; ? lists them."),
    ] = None,
    stage: Annotated[
        str, typer.Option(help="Stage of the referral: offered, accepted or closed.")
    ] = "accepted",
    lang: Annotated[str, typer.Option(help="Language of the words: fr or en.")] = "en",
) -> None:
    """Show the matrix, or with --reader what one kind of reader sees and on what ground.

    Needs no running platform: the rules are part of the program, and every
    disclosure receipt names their version.

    Examples:

      siraba policy show

      siraba policy show --reader police --stage accepted --lang fr
    """
    rules = the_policy()
    _must_be(stage, codes("stage"), "stage")
    _must_be(lang, LANGUAGES, "language")
    if reader is not None:
        _must_be(reader, tuple(rules.matrix), "reader")
    words = load_translations(lang, [LOCALE])
    console = Console()
    heading = words.gettext("Need-to-know policy %(version)s") % {"version": rules.version}
    console.print(f"[bold]{heading}[/] · {label('stage', stage, lang)}")
    if reader is None:
        _print_matrix(console, rules, stage=stage, lang=lang, words=words)
    else:
        _print_reader(console, rules, reader, stage=stage, lang=lang, words=words)


def _must_be(given: str, known: tuple[str, ...], what: str) -> None:
    if given not in known:
        raise ValueError(f"unknown {what}: choose one of {', '.join(known)}")


def _print_matrix(console: Console, rules: Policy, *, stage: str, lang: str, words: Words) -> None:
    table = Table(words.gettext("Reader"), box=SIMPLE, padding=(0, 1, 0, 0))
    for group in codes("data_group"):
        table.add_column(group, justify="left", no_wrap=True)
    notes: dict[tuple[str, ...], str] = {}
    for reader, cells in rules.matrix.items():
        shown = [_effective(cell, rules.stages[stage][group]) for group, cell in cells.items()]
        table.add_row(label("reader", reader, lang), *(_mark(cell, notes) for cell in shown))
    console.print(table)
    for access, letter in LETTERS.items():
        console.print(f"{letter:>3}  {label('disclosure', access, lang)}", highlight=False)
    for limits, mark in notes.items():
        console.print(f"{mark:>3}  {_limits(limits, lang)}", highlight=False)
    console.print(
        words.gettext(
            "Whoever is not the owner of the case needs a good ground for all but counts."
        )
    )
    console.print()
    for group in codes("data_group"):
        console.print(f"{group:>3}  {label('data_group', group, lang)}", highlight=False)


def _print_reader(
    console: Console, rules: Policy, reader: str, *, stage: str, lang: str, words: Words
) -> None:
    opened = Table("", words.gettext("Group"), words.gettext("What is open"), box=SIMPLE)
    for group, written in rules.matrix[reader].items():
        cell = _effective(written, rules.stages[stage][group])
        opened.add_row(group, label("data_group", group, lang), _words(cell, lang))
    grounds = Table(
        words.gettext("Good grounds"),
        words.gettext("Purposes"),
        words.gettext("Groups"),
        words.gettext("From"),
        box=SIMPLE,
    )
    for rule in rules.ground_rules:
        if rule.reader == reader:
            grounds.add_row(*_ground(rule, lang=lang, words=words))
    console.print(f"[bold]{label('reader', reader, lang)}[/]")
    console.print(opened)
    if grounds.row_count:
        console.print(grounds)


def _effective(cell: Cell, within: Cell) -> Cell:
    """The cell at a stage, which can only take away; counts are open at every stage."""
    least = min(cell.access, within.access, key=ACCESS.index)
    if cell.has_counts and least == "never":
        return Cell(access="counts", has_counts=True)
    limits = cell.limits if least != "never" else frozenset[str]()
    return Cell(access=least, has_counts=cell.has_counts, limits=limits)


def _mark(cell: Cell, notes: dict[tuple[str, ...], str]) -> str:
    letter = LETTERS[cell.access]
    if cell.has_counts and cell.access != "counts":
        letter += "+" + LETTERS["counts"]
    if not cell.limits:
        return letter
    limits = tuple(sorted(cell.limits))
    return letter + notes.setdefault(limits, NOTES[len(notes)])


def _words(cell: Cell, lang: str) -> str:
    said = [label("disclosure", cell.access, lang)]
    if cell.has_counts and cell.access != "counts":
        said.append(label("disclosure", "counts", lang))
    if cell.limits:
        said.append(_limits(tuple(sorted(cell.limits)), lang))
    return "; ".join(said)


def _limits(limits: tuple[str, ...], lang: str) -> str:
    return ", ".join(label("disclosure_limit", limit, lang) for limit in limits)


def _ground(rule: GroundRule, *, lang: str, words: Words) -> tuple[str, ...]:
    every = words.gettext("no limit")
    return (
        label("ground", rule.ground, lang),
        _listed("purpose", rule.purposes, lang) or every,
        " ".join(one for one in codes("data_group") if one in rule.groups) or every,
        _listed("organisation_kind", rule.from_kinds, lang) or every,
    )


def _listed(name: str, chosen: frozenset[str], lang: str) -> str:
    """The labels of a list that are chosen, one a line; empty for any."""
    return "\n".join(label(name, one, lang) for one in codes(name) if one in chosen)
