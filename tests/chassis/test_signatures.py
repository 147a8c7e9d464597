"""Nothing reaches a handler but what its source has signed, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import pytest
from nats.js import JetStreamContext

from chassis.inbox import Raw
from contracts.envelope import SIGNATURE
from tests.builders import a_case, event_headers, event_subject
from tests.chassis.streams import a_consumer, deliver
from tests.parts import Site, effects, make_effects, writing_as
from tests.signing import signed

pytestmark = [pytest.mark.connected, pytest.mark.share("sealed")]


@dataclass(frozen=True, slots=True)
class Believer:
    """The protection taken away."""

    async def refresh(self, batch: Sequence[Raw] = ()) -> None:
        """Nothing to learn."""

    def check(self, raw: Raw) -> None:
        """Everybody is believed."""


async def put(
    jetstream: JetStreamContext, headers: dict[str, str], body: bytes, *, subject: str
) -> None:
    await jetstream.publish(subject, body, headers=headers | {"Nats-Msg-Id": str(uuid4())})


async def forge(jetstream: JetStreamContext, case_id: str) -> list[str]:
    """One message of each forged kind; the reason each should die of."""
    event = a_case()
    subject, body = event_subject(event, case_id), event.encode()
    good = event_headers(event, case_id=case_id, number=1)
    unsigned = {name: value for name, value in good.items() if name != SIGNATURE}
    flipped = bytes([body[0], body[1] ^ 1, *body[2:]])
    elsewhere = event_headers(event, case_id=str(uuid4()), number=1)
    forged = {
        "unsigned": (unsigned, body),
        "malformed": (good | {SIGNATURE: "siraba-0.x.y"}, body),
        "foreign_key": (signed(good, body, subject=subject, by="referral"), body),
        "unknown_key": (signed(good, body, subject=subject, by="STRANGER"), body),
        "bad_signature": (good, flipped),
    }
    for headers, forged_body in forged.values():
        await put(jetstream, headers, forged_body, subject=subject)
    # Its signature is another message's, or of another kind.
    await put(jetstream, good | {SIGNATURE: elsewhere[SIGNATURE]}, body, subject=subject)
    await put(jetstream, signed(good, body, subject=subject, kind="receipt"), body, subject=subject)
    await put(jetstream, good | {"ce-casesequence": "2"}, body, subject=subject)
    return [*forged, *["bad_signature"] * 3]


async def test_what_its_source_has_not_signed_is_dead_at_once_and_never_handled(
    site: Site,
) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        reasons = await forge(jetstream, str(uuid4()))
        await deliver(parts, a_consumer(parts), len(reasons))

        found = await site.rows("select reason, field from referral.dead_letters order by id")
        assert sorted(found) == sorted((reason, SIGNATURE) for reason in reasons)
        assert await effects(site) == []


async def test_without_the_check_forged_messages_have_effects(site: Site) -> None:
    await make_effects(site)
    case_id = str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        reasons = await forge(jetstream, case_id)
        consumer = a_consumer(parts)
        consumer.trust = Believer()
        await deliver(parts, consumer, len(reasons))

        assert [subject for subject, _ in await effects(site)] == [case_id, case_id]


async def test_a_signed_message_that_is_replayed_has_no_second_effect(site: Site) -> None:
    await make_effects(site)
    event, case_id = a_case(), str(uuid4())
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        headers = event_headers(event, case_id=case_id, number=1)
        for _ in range(3):
            await put(jetstream, headers, event.encode(), subject=event_subject(event, case_id))
        await deliver(parts, a_consumer(parts), 3)

        assert await effects(site) == [(case_id, 1)]
