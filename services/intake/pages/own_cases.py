"""The pages of the cases that an organisation owns: all of them, and each with what may be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from chassis.audit import Look
from chassis.web import Typed, form_key
from contracts.callers import Caller
from contracts.vocabulary import codes
from services.intake.pages.acting import nothing_there
from services.intake.pages.questions import RECIPIENTS, Recipient
from services.intake.pages.standing import Desk
from services.intake.store import cases, owned
from services.intake.use_cases.hearing_consent import Recipients, look_at_consent
from services.intake.use_cases.heirs import possible_heirs
from services.intake.use_cases.owning import see_own_case

#: The session was over when the form came.
LATE: Final = "late"
#: The forms of a case's page with something to fill in, below its address.
FORMS: Final = (
    "followups/{followup_id:uuid}",
    "returns",
    "returns/{return_id:uuid}",
    "closing",
    "reopening",
    "handovers",
)
#: Who has files to report of; referral judges it at each report.
KEEPERS: Final = ("police", "gendarmerie", "justice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a form of the page. form: its path; rule: a word that the page explains.

    key: of a form that was never taken, which is shown again as it was.
    """

    form: str
    rule: str
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    key: UUID | None = None

    @property
    def status(self) -> int:
        """What lacks or does not fit is the form's; the rest is how the case stands."""
        if self.rule == LATE:
            return 200
        return (
            422 if self.rule in ("needed", "authority", "day", "future", "carries_nothing") else 409
        )


def add_own_cases(routes: APIRouter, desk: Desk) -> None:
    """`/mine` with all, `/mine/{case_id}` with one of them."""
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]

    @routes.get("/mine")
    async def show_mine(request: Request, who: visitor) -> HTMLResponse:
        mine = await desk.parts.reads.audited_read(
            who,
            owned.mine,
            lambda found: Look(action="cases", shown=len(found.cases) + len(found.due)),
        )
        return desk.render(request, "mine.html", who, mine=mine, done=_is_done(request))

    @routes.get("/mine/{case_id}")
    async def show_mine_of(request: Request, case_id: UUID, who: visitor) -> HTMLResponse:
        return await show_case(desk, request, case_id, who=who)

    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        fault = too_late(typed)
        return await show_case(desk, request, typed.at["case_id"], who=who, fault=fault)

    for form in FORMS:
        desk.entrance.shows(f"/mine/{{case_id:uuid}}/{form}", show_again)


def too_late(typed: Typed) -> Fault:
    """What a page says of a form that it shows again, with the key under which it is sent once."""
    form = typed.path.split("/", 3)[3]
    return Fault(form=form, rule=LATE, given=given_in(typed.said), key=form_key(typed.said))


def given_in(said: FormData) -> dict[str, tuple[str, ...]]:
    """All answers to each question."""
    return {name: tuple(map(str, said.getlist(name))) for name in said}


async def show_case(
    desk: Desk, request: Request, case_id: UUID, *, who: Caller, fault: Fault | None = None
) -> HTMLResponse:
    """A case with whom it went to and how it goes on; raises Refusal where it is not the reader's."""
    case = await see_case(desk, case_id, who=who)
    return desk.render(
        request,
        "own_case.html",
        who,
        status=fault.status if fault else 200,
        case=case,
        helpers=_helpers(case["steps"]),
        keeps_files=case["owner_kind"] in KEEPERS,
        fault=fault,
        given=fault.given if fault else {},
        key=key_of(fault, desk),
        codes=codes,
        today=desk.parts.mint.moment().date().isoformat(),
        done=_is_done(request),
    )


def key_of(fault: Fault | None, desk: Desk) -> UUID:
    """The page's: a new one, but for a form that was never taken."""
    return (fault and fault.key) or desk.parts.mint.message_id()


async def see_case(desk: Desk, case_id: UUID, *, who: Caller) -> dict[str, Any]:
    """The case with what is around it, on record; raises Refusal where it is not the reader's."""

    async def find(connection: AsyncConnection) -> dict[str, Any] | None:
        number = await owned.number_of(connection, case_id, owner=who.organisation)
        found = None if number is None else await cases.own_case(connection, number)
        if found is None:
            return None
        everywhere = [case_id, *found["merged_ids"]]
        consent = await look_at_consent(connection, case_id, at=desk.parts.mint.moment())
        said = [(one, consent.said(recipients(one))) for one in RECIPIENTS]
        return found | {
            "around": await owned.around(connection, everywhere),
            "said": said,
            "heirs": await possible_heirs(connection),
        }

    found = await see_own_case(desk.parts.reads, who, find)
    if found is None:
        raise nothing_there()
    return found


def recipients(one: Recipient) -> Recipients:
    """As the use case takes them."""
    return Recipients(kind=one.kind, purpose=one.purpose)


def _is_done(request: Request) -> bool:
    """Whether the page follows a form that was taken."""
    return request.query_params.get("done") == "1"


def _helpers(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each referral by its last step, in the order in which they were made."""
    last = {one["referral_id"]: one for one in steps}
    return list(last.values())
