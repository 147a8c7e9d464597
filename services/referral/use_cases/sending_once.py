"""Taking what a page's form asks for once, however often it is sent."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.store import forms


class SentBefore(Exception):
    """The page was sent before with other answers: these count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form as it came. key: made with its page, and about what; digest: of the answers, under a key of ours."""

    organisation: str
    key: str
    digest: bytes


async def comes_first(connection: AsyncConnection, form: Form) -> bool:
    """Whether it is the first time; a transaction with the same form is waited for. Raises `SentBefore`."""
    taken = await forms.claim(connection, form.organisation, form.key, digest=form.digest)
    return _is_first(form, taken)


async def is_new(connection: AsyncConnection, form: Form) -> bool:
    """The same for a look alone, that keeps nobody from taking it. Raises `SentBefore`."""
    return _is_first(form, await forms.taken(connection, form.organisation, form.key))


def _is_first(form: Form, taken: bytes | None) -> bool:
    if taken is not None and taken != form.digest:
        raise SentBefore
    return taken is None
