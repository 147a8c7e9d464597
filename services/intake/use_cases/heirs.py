"""Who may have a case instead of its owner: an organisation of a kind that owns, on a ground."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.policy import Reader, standing
from contracts.vocabulary import codes, reader_of
from services.intake.domain import transfers as rules
from services.intake.store import owned, transfers
from services.intake.store.consents import CaseFile

#: What an owner has a case for, and what a receipt of its file names in the place of a service.
PURPOSE = "coordination"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heir:
    """Who shall have the case."""

    code: str
    kind: str

    def grounds(self, files: Mapping[UUID, CaseFile], at: datetime) -> tuple[str, ...]:
        """What carries all of the person's cases to it."""
        stand = [
            set(standing(file.record, self.reader(file), file.judged(at)))
            for file in files.values()
        ]
        carried = set.intersection(*stand)
        return tuple(ground for ground in codes("ground") if ground in carried)

    def reader(self, file: CaseFile) -> Reader:
        """As the policy asks for it."""
        return Reader(
            kind=self.kind,
            relation="owner",
            purpose=PURPOSE,
            is_child=file.facts.is_child,
            organisation=self.code,
            from_kind=file.owner_kind,
        )


async def find_heir(connection: AsyncConnection, code: str, *, owner: str) -> Heir:
    """This organisation as the next owner. Raises `AlreadyOwner`, `CannotOwn`."""
    if code == owner:
        raise rules.AlreadyOwner
    found = await transfers.party(connection, code)
    if found is None or reader_of(found[0], "owner") is None:
        raise rules.CannotOwn
    return Heir(code=code, kind=found[0])


async def possible_heirs(connection: AsyncConnection) -> list[str]:
    """The organisations of kinds that own cases, but the reading one."""
    others = await owned.others(connection)
    return [code for code, kind in others if reader_of(kind, "owner") is not None]
