"""Whether only the platform is believed: signatures, and keys that come, end and fall in doubt."""

import asyncio
from datetime import datetime, timedelta

from contracts.feed import KeysPublished
from contracts.keyring import generate_signing_key
from contracts.signing import Signer
from partners.conformance.platform import Form, Platform, Told
from partners.conformance.stage import Offered, Stage

#: How long the old key goes on after the new one is announced.
OVERLAP = timedelta(seconds=1)


async def signature(stage: Stage) -> None:
    """Nobody's, another's, and a good one over something else."""
    stranger = Signer(generate_signing_key(stage.platform.edge.random(32)))
    honest = stage.make_offer()
    used = stage.platform.next_number() - 1  # nobody's message takes a number of the platform's
    forged = [
        await stage.offer(Form(number=used, is_signed=False)),
        await stage.offer(Form(number=used, signer=stranger)),
        await stage.offer(Form(number=used, signer=stage.platform.signers["intake"])),
    ]
    swapped = stage.make_offer()
    form = Form(number=used, swapped=swapped.encode())
    forged.append(Offered(await stage.platform.tell(honest, form), swapped.referral_id))
    await stage.untouched(*forged)


async def rotation(stage: Stage) -> None:
    """The new key is announced by the old one, which then ends."""
    platform = stage.platform
    old = platform.signers["referral"]
    ends_at = platform.edge.now() + OVERLAP
    _change(platform, old, valid_until=ends_at)
    platform.take_key("referral")
    await stage.taken(await _publish(platform, by=old))
    await stage.accepted(await stage.offer())
    await _sleep_until(stage, ends_at)
    late = await stage.offer(Form(number=platform.next_number() - 1, signer=old))
    await stage.untouched(late)
    await stage.program.stop()
    await stage.program.start()
    await stage.accepted(await stage.offer())


async def revoked(stage: Stage) -> None:
    """What the thief of a key could try: a message, and a key of his own."""
    platform = stage.platform
    stolen = platform.signers["referral"]
    platform.take_key("referral")
    await stage.taken(await _publish(platform, by=stolen))
    _change(platform, stolen, suspect_from=platform.edge.now())
    await stage.taken(await _publish(platform))
    honest, owned = platform.keys, platform.signers["referral"]
    platform.take_key("referral")
    thiefs = platform.signers["referral"]
    used = platform.next_number() - 1
    await platform.tell(_all(platform), Form(number=used, signer=stolen))
    platform.keys, platform.signers["referral"] = honest, owned
    forged = [
        await stage.offer(Form(number=used, signer=stolen)),
        await stage.offer(Form(number=used, signer=thiefs)),
    ]
    await stage.untouched(*forged)


async def _publish(platform: Platform, *, by: Signer | None = None) -> Told:
    return await platform.tell(_all(platform), Form(signer=by))


def _all(platform: Platform) -> KeysPublished:
    return KeysPublished(keys=platform.keys.keys)


def _change(platform: Platform, signer: Signer, **ends: datetime) -> None:
    key = platform.keys.get(signer.key_id, use="signing")
    assert key is not None  # noqa: S101  # whoever signs here has a key in this ring
    platform.keys = platform.keys.with_news([key.model_copy(update=ends)])


async def _sleep_until(stage: Stage, moment: datetime) -> None:
    left = (moment - stage.platform.edge.now()).total_seconds()
    # Past it by a little: what is judged is the server's clock, to the microsecond.
    await asyncio.sleep(max(0.0, left) + 0.05)
