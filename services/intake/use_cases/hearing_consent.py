"""What a person says about consent after the registration, as the owner asks: to each kind, yes or no."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.intake import Consent
from contracts.policy import Reader, purpose_of
from contracts.policy.consent import consent_stands
from services.intake.domain.consents import CarriesNothing
from services.intake.store import consents, merges, owned
from services.intake.store.consents import CaseFile
from services.intake.use_cases.consenting import Decided, decide_consent
from services.intake.use_cases.disclosing import Discloser


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """Those of one kind. purpose: what they would be told for; None: the help that is asked for."""

    kind: str
    purpose: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Answers by kind of recipient, `given` or `refused`. by: a code of `consent_authority`."""

    answers: Mapping[str, str]
    by: str
    owner: str
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consenting:
    """A case's consent as it stands. purposes: of the help that is asked for."""

    file: CaseFile
    purposes: tuple[str, ...]
    at: datetime

    def said(self, one: Recipients) -> str:
        """`given`, `partly` where it stands for some of the help alone, `refused`, else `unasked`."""
        standing = [self._stands(one, purpose) for purpose in self._of(one)]
        if all(standing):
            return "given"
        if any(standing):
            return "partly"
        lines = [line for line in self.file.lines if line.covered[:2] == (None, one.kind)]
        return "refused" if lines and lines[-1].state == "refused" else "unasked"

    def carries(self, one: Recipients, state: str | None) -> bool:
        """Whether what was answered is how it stands."""
        return state in (None, self.said(one))

    def lines(self, one: Recipients, state: str, by: str) -> list[Consent]:
        """A yes is for the help that is asked for; a no is for everything."""
        line = Consent(recipient_kind=one.kind, state=state, by=by)
        if state == "refused":
            return [line]
        return [line.model_copy(update={"purpose": purpose}) for purpose in self._of(one)]

    def _of(self, one: Recipients) -> tuple[str, ...]:
        return (one.purpose,) if one.purpose else self.purposes

    def _stands(self, one: Recipients, purpose: str) -> bool:
        reader = Reader(
            kind=one.kind,
            relation="recipient",
            purpose=purpose,
            is_child=self.file.facts.is_child,
        )
        return consent_stands(self.file.record, reader, self.file.judged(self.at))


async def look_at_consent(
    connection: AsyncConnection, case_id: UUID, *, at: datetime, lock: bool = False
) -> Consenting:
    """How it stands. lock: because something will be decided by it."""
    file = (await consents.files(connection, [case_id], lock=lock))[case_id]
    asked = {*file.facts.needs, *await owned.services(connection, case_id)}
    purposes = tuple(sorted({purpose_of(service) for service in asked})) or ("care",)
    return Consenting(file=file, purposes=purposes, at=at)


async def hear_consent(
    connection: AsyncConnection,
    case_id: UUID,
    heard: Heard,
    *,
    among: Sequence[Recipients],
    by: Discloser,
) -> bool:
    """Record what is answered otherwise than it stands; False: the case is not this owner's.

    Raises `CarriesNothing` where a yes would open nothing, `CaseIsClosed` at a yes.
    """
    await merges.hold(connection)
    now = await look_at_consent(connection, case_id, at=by.mint.moment(), lock=True)
    if now.file.owner != heard.owner:
        return False
    for one in among:
        state = heard.answers.get(one.kind)
        said = now.said(one)
        if state is None or state == said:
            continue
        for line in now.lines(one, state, heard.by):
            decided = Decided(
                line=line,
                owner=heard.owner,
                is_withdrawal=state == "refused" and said in ("given", "partly"),
                trace=heard.trace,
            )
            await decide_consent(connection, case_id, decided, by=by)
    after = await look_at_consent(connection, case_id, at=by.mint.moment())
    if not all(after.carries(one, heard.answers.get(one.kind)) for one in among):
        raise CarriesNothing
    return True
