"""Whether a feed is read to its end: repeats, gaps, and what cannot be read or is new."""

import json
from contextlib import suppress

from contracts.event import Message
from contracts.feed import FeedTrimmed
from contracts.topology import out_subject
from partners.conformance.platform import REFERRAL, Form
from partners.conformance.stage import Failed, Offered, Stage


async def offer(stage: Stage) -> None:
    """Everything else rests on this."""
    await stage.accepted(await stage.offer())


async def duplicate(stage: Stage) -> None:
    """Under one ce-id, at two places of the stream."""
    first = await stage.offer()
    await stage.accepted(first)
    again = await stage.platform.tell_again(first.told)
    await stage.taken(again)
    await stage.nothing_more(first)


async def gap(stage: Stage) -> None:
    """Two numbers are left out; one of them comes after all."""
    late = stage.platform.next_number()
    try:
        await stage.accepted(await stage.offer(Form(number=late + 2)))
        await stage.accepted(await stage.offer(Form(number=late)))
    finally:
        # Whoever waits for what never comes need not wait through all other checks.
        with suppress(Failed):
            await stage.taken(await stage.platform.tell(FeedTrimmed(numbers=(late, late + 1))))


async def trimmed(stage: Stage) -> None:
    """The platform says that a number will not come."""
    left_out = stage.platform.next_number()
    before = await stage.offer(Form(number=left_out + 1))
    told = await stage.platform.tell(FeedTrimmed(numbers=(left_out,)))
    await stage.accepted(before)
    await stage.taken(told)
    await stage.accepted(await stage.offer())


async def poison(stage: Stage) -> None:
    """All signed: what is wrong is what they hold."""
    message = stage.make_offer()
    lacking = {k: v for k, v in json.loads(message.encode()).items() if k != "service"}
    bodies = (b"", b"{", b"\xff\xfe", b"[" * 20_000, json.dumps(lacking).encode())
    told = [await stage.platform.tell(message, Form(body=body)) for body in bodies]
    await stage.taken(*told)
    await stage.untouched(Offered(told[-1], message.referral_id))


async def newer(stage: Stage) -> None:
    """A field, a type and a version that today's contracts do not have."""
    message = stage.make_offer()
    body = json.dumps({**json.loads(message.encode()), "added_later": {"by": "a newer platform"}})
    tolerant = await stage.platform.tell(message, Form(body=body.encode()))
    strange = [
        await stage.platform.tell(message, _of_type(stage, message, name=name, version=version))
        for name, version in (("referral.paused", 1), ("referral.offered", 2))
    ]
    await stage.accepted(Offered(tolerant, message.referral_id))
    await stage.taken(*strange)
    await stage.accepted(await stage.offer())


async def unknown_code(stage: Stage) -> None:
    """In a field that decides how soon somebody must come."""
    message = stage.make_offer()
    body = message.encode().replace(b'"emergency_24h"', b'"emergency_5m"')
    told = await stage.platform.tell(message, Form(body=body))
    await stage.taken(told)
    await stage.untouched(Offered(told, message.referral_id))


async def replay(stage: Stage) -> None:
    """The same places of the stream once more; what was answered is answered already."""
    before = {one.id for one in await stage.platform.asked()}
    door = stage.platform.door
    last = await door.ended_up_to()
    await door.rewind()

    async def is_read() -> bool:
        return await door.ended_up_to() >= last

    await stage.until(is_read, "the feed was not read again")
    fresh = await stage.offer()
    await stage.accepted(fresh)
    new = [one for one in await stage.platform.asked() if one.id not in before]
    if any(one.referral != fresh.referral for one in new):
        raise Failed("it answered what it had answered before")


def _of_type(stage: Stage, message: Message, *, name: str, version: int) -> Form:
    subject = out_subject(stage.platform.sandbox.code, name, version)
    return Form(source=REFERRAL, type=f"ml.siraba.{name}.v{version}", subject=subject)
