"""Telling whoever takes part in a case how it goes on: that it is closed, open again, or on her way home."""

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from contracts import feed_cases as feed
from contracts.event import Message
from contracts.policy.consent import CONSENT
from services.intake.store import closings, disclosures
from services.intake.store.consents import CaseFile
from services.intake.store.disclosures import Recipient
from services.intake.use_cases.cutting import grounds_for
from services.intake.use_cases.disclosing import FORMS, Discloser

#: Services of whoever goes with a person on her way home, or receives her there.
RETURNING = frozenset({"voluntary_return", "reunification", "reintegration"})
Files = Mapping[UUID, CaseFile]


async def tell_closed(
    connection: AsyncConnection, files: Files, *, trace: str | None, by: Discloser
) -> None:
    """To whoever has taken something on in these cases; who that was is kept until they are reopened."""
    told = await tell_each(
        connection, await _active(connection, files), files, said=_closed, trace=trace, by=by
    )
    await closings.note_told(connection, told)


async def tell_reopened(
    connection: AsyncConnection, files: Files, *, trace: str | None, by: Discloser
) -> None:
    """To whoever was told of the closing, and was not told no since."""
    ids = await closings.take_told(connection, files)
    who = (await disclosures.recipients(connection, ids)).values()
    await tell_each(connection, who, files, said=_reopened, trace=trace, by=by)


async def tell_of_return(
    connection: AsyncConnection,
    files: Files,
    said: Callable[[Recipient], Message],
    *,
    trace: str | None,
    by: Discloser,
) -> None:
    """To whoever has taken on to go with her or to receive her."""
    who = [one for one in await _active(connection, files) if one.service in RETURNING]
    await tell_each(connection, who, files, said=said, trace=trace, by=by)


async def _active(connection: AsyncConnection, files: Files) -> list[Recipient]:
    found = await disclosures.recipients_of(connection, files)
    return [one for one in found if one.stage == "accepted"]


async def tell_each(
    connection: AsyncConnection,
    recipients: Collection[Recipient],
    files: Files,
    *,
    said: Callable[[Recipient], Message],
    trace: str | None,
    by: Discloser,
) -> dict[UUID, UUID]:
    """Into the feeds of those whom some ground lets hear; by referral the case of which they did."""
    at, messages, told = by.mint.moment(), [], {}
    for one in recipients:
        # Of several, one that no withdrawal takes away.
        grounds = sorted(grounds_for(one, files[one.case_id], at=at), key=CONSENT.__eq__)
        if FORMS[one.channel] == "sealed" and grounds:
            id, ground = by.mint.message_id(), grounds[0]
            messages.append(by.told(said(one), one, id=id, trace=trace, ground=ground))
            told[one.referral_id] = one.case_id
    await outbox.add(connection, messages)
    return told


def _closed(one: Recipient) -> Message:
    return feed.CaseClosed(referral_id=one.referral_id)


def _reopened(one: Recipient) -> Message:
    return feed.CaseReopened(referral_id=one.referral_id)
