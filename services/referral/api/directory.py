"""HTTP in: whoever refers sees who offers what; the committee's operators change it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.assembly import Parts
from chassis.database import reading_as
from chassis.web import BearerCaller, Refusal, Shown, Violation, committee_alone, rules_broken
from contracts.callers import Caller
from contracts.directory import DirectoryEntry
from services.referral.store import directory
from services.referral.store.directory import Author, Current
from services.referral.use_cases.changing import NONE, Change, ChangedMeanwhile, change_directory

#: Whose operators keep the directory of everybody.
KEEPER: Final = "committee"
Code = Annotated[str, Path(pattern=r"^[A-Z0-9_]{1,24}$")]
#: As HTTP writes a version: a number in quotation marks.
Match = Annotated[str | None, Header(pattern=r'^"[1-9]\d{0,8}"$')]
NoneMatch = Annotated[str | None, Header(pattern=r"^\*$")]


class DirectoryChange(BaseModel):
    """An entry as it is to be. why: for whoever reads the history; name no person."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    entry: DirectoryEntry
    why: Annotated[str, Field(min_length=3, max_length=200)]


class Kept(Shown):
    """An entry and the number of its version. Posts are shown to its own and the committee's operators."""

    version: int
    entry: DirectoryEntry


class Directory(Shown):
    """By code."""

    organisations: list[Kept]


class PastVersion(Kept):
    """One version of an entry, with who made it, when and why."""

    changed_at: datetime
    organisation: str
    role: str
    why: str


class History(Shown):
    """The oldest first."""

    versions: list[PastVersion]


@dataclass(frozen=True, slots=True)
class DirectoryDesk:
    """What the routes stand on."""

    parts: Parts
    caller: BearerCaller


def directory_router(desk: DirectoryDesk) -> APIRouter:
    """The routes; every one needs a token of an organisation of the directory."""
    routes = APIRouter(prefix="/directory", tags=["directory"])
    _add_reading(routes, desk)
    _add_history(routes, desk)
    _add_changing(routes, desk)
    return routes


def _add_reading(routes: APIRouter, desk: DirectoryDesk) -> None:
    person = desk.caller.having("officer", "case_owner", "focal_point", "data_officer", "operator")

    @routes.get("")
    async def list_organisations(who: Annotated[Caller, Depends(person)]) -> Directory:
        """Who takes part, what each offers, to whom and where."""
        async with reading_as(desk.parts.web, who.organisation) as connection:
            found = await directory.current(connection)
        keeps = _is_keeper(who, found)
        return Directory(
            organisations=[_kept(one, who, keeps=keeps) for one in found.values()],
        )

    @routes.get("/{code}")
    async def see_organisation(
        code: Code, response: Response, who: Annotated[Caller, Depends(person)]
    ) -> Kept:
        """One organisation; its `ETag` is what a change of it names in `If-Match`."""
        async with reading_as(desk.parts.web, who.organisation) as connection:
            found = await directory.current(connection, {code, who.organisation})
        if code not in found:
            raise _unknown()
        response.headers["ETag"] = f'"{found[code].version}"'
        return _kept(found[code], who, keeps=_is_keeper(who, found))


def _add_history(routes: APIRouter, desk: DirectoryDesk) -> None:
    operator = desk.caller.having("operator")

    @routes.get("/{code}/versions")
    async def list_versions(code: Code, who: Annotated[Caller, Depends(operator)]) -> History:
        """Every version of an organisation's entry, for the committee's operators."""
        async with reading_as(desk.parts.web, who.organisation) as connection:
            must_keep(who, await directory.current(connection, {who.organisation}))
            found = await directory.versions(connection, code)
        if not found:
            raise _unknown()
        return History(
            versions=[
                PastVersion(
                    version=one.version,
                    entry=one.entry,
                    changed_at=one.changed_at,
                    organisation=one.author.organisation,
                    role=one.author.role,
                    why=one.why,
                )
                for one in found
            ]
        )


def _add_changing(routes: APIRouter, desk: DirectoryDesk) -> None:
    operator = desk.caller.having("operator")

    @routes.put("/{code}", responses={412: {}, 428: {}})
    async def change_organisation(
        code: Code,
        change: DirectoryChange,
        response: Response,
        *,
        who: Annotated[Caller, Depends(operator)],
        if_match: Match = None,
        if_none_match: NoneMatch = None,
    ) -> Kept:
        """Replace an entry (`If-Match`: its version) or add one (`If-None-Match: *`).

        For the committee's operators. Whoever is suspended is asked for nothing from then on.
        """
        if change.entry.code != code:
            raise _invalid("entry.code", "differs_from_path")
        on = _version(if_match, if_none_match)
        async with desk.parts.work.begin() as connection:
            must_keep(who, await directory.current(connection, {who.organisation}))
            try:
                await change_directory(
                    connection,
                    [Change(entry=change.entry, on=on)],
                    author=Author(organisation=who.organisation, role=who.role, person=who.person),
                    why=change.why,
                    mint=desk.parts.mint,
                )
            except ChangedMeanwhile:
                raise Refusal(
                    412, "changed_meanwhile", "Somebody has changed this entry since"
                ) from None
            found = await directory.current(connection, {code})
        await desk.parts.wake_relay()
        response.headers["ETag"] = f'"{found[code].version}"'
        return _kept(found[code], who, keeps=True)


def _version(if_match: str | None, if_none_match: str | None) -> int:
    """The version that is changed. Raises Refusal where it is not said, or said twice."""
    if (if_match is None) == (if_none_match is None):
        raise Refusal(
            428,
            "precondition_required",
            "Give If-Match with the version you have seen, or If-None-Match: * for a new entry",
        )
    return NONE if if_match is None else int(if_match.strip('"'))


def _is_keeper(who: Caller, found: dict[str, Current]) -> bool:
    own = found.get(who.organisation)
    return who.role == "operator" and own is not None and own.entry.kind == KEEPER


def must_keep(who: Caller, found: dict[str, Current]) -> None:
    """Raises Refusal for everybody but the committee's operators. found: their own entry at least."""
    if not _is_keeper(who, found):
        raise committee_alone("operator")


def _kept(one: Current, who: Caller, *, keeps: bool) -> Kept:
    own = who.role == "operator" and one.entry.code == who.organisation
    return Kept(version=one.version, entry=one.entry if keeps or own else _without_posts(one.entry))


def _without_posts(entry: DirectoryEntry) -> DirectoryEntry:
    units = tuple(unit.model_copy(update={"contacts": ()}) for unit in entry.units)
    return entry.model_copy(update={"units": units})


def _unknown() -> Refusal:
    return Refusal(404, "unknown_organisation", "No organisation has this code")


def _invalid(field: str, rule: str) -> Refusal:
    return rules_broken(Violation(field=field, rule=rule))
