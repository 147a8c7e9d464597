"""Forged events of our own, by who has the connection of a service and not its signing key."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from contracts import feed, referral
from contracts.envelope import SIGNATURE
from contracts.event import Message
from contracts.keyring import (
    PublicKey,
    encode_base64url,
    generate_sealing_key,
    generate_signing_key,
)
from contracts.topology import internal_subject, out_subject
from tests.builders import a_case
from tests.trust.forgery import (
    Draft,
    Loot,
    Way,
    attributes,
    said_by_its_sender,
)
from tests.trust.streams import Stored

SINCE = datetime(2020, 1, 1, tzinfo=UTC)


def invents_a_case(loot: Loot) -> Draft:
    return _fact(loot, "intake", a_case(owner=loot.pair()[0]))


def swaps_a_recipients_key(loot: Loot) -> Draft:
    """In the directory: what is sealed to it from then on, the forger opens."""
    code = loot.pair()[1]
    sealing = generate_sealing_key(loot.random.randbytes(32)).public_key().public_bytes_raw()
    key = PublicKey(owner=code, use="sealing", key=encode_base64url(sealing), valid_from=SINCE)
    entry = next(
        referral.OrganisationRegistered.model_validate_json(one.body)
        for one in loot.facts["REFERRAL"]
        if one.name == "organisation.registered" and one.place == code
    )
    swapped = entry.model_copy(update={"keys": (*entry.keys, key)})
    return _fact(loot, "referral", swapped, subject=code)


def opens_a_dossier(loot: Loot) -> Draft:
    """An acceptance that nobody gave, of a real referral: intake would disclose on it."""
    offers = [one for one in loot.facts["REFERRAL"] if one.name == "referral.offered"]
    real = loot.random.choice(offers)
    known = json.loads(real.body)
    parts = ("referral_id", "organisation", "organisation_kind", "service")
    said = referral.ReferralAccepted.model_validate({name: known[name] for name in parts})
    return _fact(loot, "referral", said, subject=real.place)


def changes_a_fact(loot: Loot) -> Draft:
    """A real event of ours, with its real signature, about another moment or with another word."""
    service = loot.random.choice(("intake", "referral"))
    real = loot.random.choice(loot.facts[service.upper()])
    headers, body = said_by_its_sender(real), real.body
    if loot.random.random() < 0.5:
        headers |= {"ce-id": str(loot.uuid()), "ce-casesequence": "99"}
    else:
        body = json.dumps(json.loads(body) | {"region": "12"}).encode()
    return Draft(sender=service, subject=real.subject, headers=headers, body=body, kind="event")


#: Into our own streams.
AS_US: tuple[Way, ...] = (invents_a_case, swaps_a_recipients_key, opens_a_dossier, changes_a_fact)


def offers_what_nobody_offered(loot: Loot) -> Draft:
    real = next(one for ones in loot.feeds.values() for one in ones if one.name == feed.Offer.name)
    offer = feed.Offer.model_validate_json(real.body).model_copy(
        update={"referral_id": loot.uuid()}
    )
    return _fed(loot, loot.busy(), offer)


def brings_keys_of_its_own(loot: Loot) -> Draft:
    """From then on the forger would speak as the platform."""
    raw = generate_signing_key(loot.random.randbytes(32)).public_key().public_bytes_raw()
    key = PublicKey(owner="referral", use="signing", key=encode_base64url(raw), valid_from=SINCE)
    return _fed(loot, loot.busy(), feed.KeysPublished(keys=(key,)))


def gives_one_feed_to_another(loot: Loot) -> Draft:
    """A real message, rightly signed, for somebody else."""
    me, _ = loot.pair()
    other = loot.busy(but=me)
    real = loot.random.choice(loot.feeds[other])
    subject = real.subject.replace(f"out.{other}.", f"out.{me}.", 1)
    return Draft(
        sender="referral",
        subject=subject,
        headers=said_by_its_sender(real),
        body=real.body,
        kind="event",
    )


#: Into the organisations' feeds.
TO_PARTNERS: tuple[Way, ...] = (
    offers_what_nobody_offered,
    brings_keys_of_its_own,
    gives_one_feed_to_another,
)


def _fact(loot: Loot, service: str, said: Message, *, subject: str = "") -> Draft:
    place = subject or str(loot.uuid())
    # The next of its place: any other would wait or be taken for a repeat, believed or not.
    number = 1 + sum(one.place == place for one in loot.facts[service.upper()])
    headers = attributes(loot, said, source=f"/siraba/{service}", subject=place, number=number)
    stored = internal_subject(service, said.name, said.version, subject_id=place)
    draft = Draft(sender=service, subject=stored, headers=headers, body=said.encode(), kind="event")
    return _dressed(loot, draft, like=loot.facts[service.upper()])


def _fed(loot: Loot, code: str, said: Message) -> Draft:
    headers = attributes(loot, said, source="/siraba/referral", fed=True)
    subject = out_subject(code, said.name, said.version)
    draft = Draft(
        sender="referral", subject=subject, headers=headers, body=said.encode(), kind="event"
    )
    return _dressed(loot, draft, like=loot.feeds[code])


def _dressed(loot: Loot, draft: Draft, *, like: Sequence[Stored]) -> Draft:
    """Signed by nobody, by a stranger, by an organisation, or with a signature of a real one."""
    match loot.random.randrange(4):
        case 0:
            return draft
        case 1:
            return draft.signed(loot.stranger)
        case 2:
            return draft.signed(loot.signers[loot.pair()[0]])
        case _:
            return draft.bearing(loot.random.choice(like).headers[SIGNATURE])
