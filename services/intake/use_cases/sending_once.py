"""Taking what a form asks for once, however often it is sent."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain import KeyReused
from services.intake.store import cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form as it was sent. key: made with the page; digest: of the answers, under a key of ours."""

    organisation: str
    key: str
    digest: bytes


async def comes_first(connection: AsyncConnection, form: Form) -> bool:
    """Whether it is the first time; another transaction with the same form is waited for.

    Raises `KeyReused` where the page was sent before with other answers.
    """
    taken = form.organisation, form.key
    if await cases.claim(connection, taken, digest=form.digest, answer={}):
        return True
    before, _ = await cases.answer_of(connection, organisation=form.organisation, key=form.key)
    if before != form.digest:
        raise KeyReused
    return False
