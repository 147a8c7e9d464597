"""What a person says about consent after the registration, as the owner asks: to each kind, yes or no."""

from collections.abc import Iterable, Mapping, Sequence
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
    """A case's consent as it stands.

    needed: purposes of the help that was asked for when it was registered; asked: with those of
    what somebody was asked for since, by the law or at a reopening.
    """

    file: CaseFile
    needed: tuple[str, ...]
    asked: tuple[str, ...]
    at: datetime

    def said(self, one: Recipients) -> str:
        """`given`, `partly` where it stands for some of the help alone, `refused`, else `unasked`."""
        if all(self._stands(one, purpose) for purpose in _of(one, self.needed)):
            return "given"
        if any(self._stands(one, purpose) for purpose in _of(one, self.asked)):
            return "partly"
        lines = [line for line in self.file.lines if line.covered[:2] == (None, one.kind)]
        return "refused" if lines and lines[-1].state == "refused" else "unasked"

    def carries(self, one: Recipients, state: str | None) -> bool:
        """Whether what was answered is how it stands; None: nothing was."""
        if state == "given":
            return all(self._stands(one, purpose) for purpose in _of(one, self.asked))
        return state in (None, self.said(one))

    def lines(self, one: Recipients, state: str, by: str) -> list[Consent]:
        """A yes is for the help that is asked for; a no is for everything."""
        line = Consent(recipient_kind=one.kind, state=state, by=by)
        if state == "refused":
            return [line]
        return [line.model_copy(update={"purpose": one_of}) for one_of in _of(one, self.asked)]

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
    since = await owned.services(connection, case_id)
    return Consenting(
        file=file,
        needed=_purposes(file.facts.needs),
        asked=_purposes({*file.facts.needs, *since}),
        at=at,
    )


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
        if state is None or now.carries(one, state):
            continue
        for line in now.lines(one, state, heard.by):
            decided = Decided(
                line=line,
                owner=heard.owner,
                is_withdrawal=state == "refused" and now.said(one) in ("given", "partly"),
                trace=heard.trace,
            )
            await decide_consent(connection, case_id, decided, by=by)
    after = await look_at_consent(connection, case_id, at=by.mint.moment())
    require_carried(after, heard, among=among)
    return True


def require_carried(after: Consenting, heard: Heard, *, among: Sequence[Recipients]) -> None:
    """Raises `CarriesNothing` where it does not stand as it was answered, by the policy's own word."""
    if not all(after.carries(one, heard.answers.get(one.kind)) for one in among):
        raise CarriesNothing


def _of(one: Recipients, purposes: tuple[str, ...]) -> tuple[str, ...]:
    return (one.purpose,) if one.purpose else purposes


def _purposes(services: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({purpose_of(service) for service in services})) or ("care",)
