"""Whether what a partner says is right: after a refusal, a withdrawal, and when it is slow."""

import asyncio
import json
from uuid import UUID

from contracts.feed import Accepted, ConsentWithdrawn, DossierDisclosed, RequestRefused
from contracts.requests import AcceptReferral, AcknowledgeConsent
from contracts.sealing import Place, seal
from partners.conformance.platform import INTAKE, Form, Told
from partners.conformance.stage import Failed, Offered, Stage


async def refused(stage: Stage) -> None:
    """The last bed has just gone."""
    offered = await stage.offer()
    await stage.accepted(offered)
    accept = next(
        one
        for one in await stage.about(offered.referral)
        if isinstance(one.request, AcceptReferral)
    )
    message = RequestRefused(
        request_id=accept.id, request_type=AcceptReferral.ce_type(), reason="wrong_state"
    )
    await stage.taken(await stage.platform.tell(message))
    await stage.accepted(await stage.offer())
    await stage.nothing_more(offered)


async def withdrawal(stage: Stage) -> None:
    """After an acceptance, and after what it brought."""
    offered = await stage.offer()
    await stage.accepted(offered)
    told = [await _tell_accepted(stage, offered), await _tell_dossier(stage, offered)]
    await stage.taken(*told)
    withdrawn = ConsentWithdrawn(withdrawal_id=_new_id(stage), referral_id=offered.referral)
    told = [await stage.platform.tell(withdrawn, Form(source=INTAKE))]

    async def is_confirmed() -> bool:
        return bool(await _confirmations(stage, offered.referral))

    await stage.until(is_confirmed, "consent.acknowledge did not come")
    await stage.taken(*told)
    await asyncio.sleep(stage.quiet)
    confirmed = await _confirmations(stage, offered.referral)
    if [one.withdrawal_id for one in confirmed] != [withdrawn.withdrawal_id]:
        raise Failed("consent.acknowledge came more than once, or names another withdrawal")


async def slow(stage: Stage) -> None:
    """That the program is done with a message is not heard until it has gone out once more."""
    door = stage.platform.door
    await door.lose_words(True)
    try:
        offered = await stage.offer()
        await stage.until(door.has_repeated, "it did not ask for messages a second time")
    finally:
        await door.lose_words(False)
    await stage.accepted(offered)


async def _confirmations(stage: Stage, referral: UUID) -> list[AcknowledgeConsent]:
    requests = [one.request for one in await stage.about(referral)]
    return [request for request in requests if isinstance(request, AcknowledgeConsent)]


async def _tell_accepted(stage: Stage, offered: Offered) -> Told:
    code = stage.platform.sandbox.code
    return await stage.platform.tell(
        Accepted(referral_id=offered.referral, service="shelter", organisation=code)
    )


async def _tell_dossier(stage: Stage, offered: Offered) -> Told:
    """Sealed as intake seals it, to the key of the program's folder."""
    platform, code = stage.platform, stage.platform.sandbox.code
    id, case, sections = platform.edge.new_id(), platform.edge.random(16).hex(), ("identity",)
    sealed = seal(
        json.dumps({"identity": {"full_name": "Nobody"}}).encode(),
        Place(str(id), code, case, sections),
        keys=platform.partner.owned(code, use="sealing"),
    )
    message = DossierDisclosed(
        referral_id=offered.referral,
        sections=sections,
        ground="consent",
        policy_version="1",
        sealed=sealed,
    )
    return await platform.tell(message, Form(source=INTAKE, id=id, case=case))


def _new_id(stage: Stage) -> UUID:
    return UUID(bytes=stage.platform.edge.random(16), version=4)
