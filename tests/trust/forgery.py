"""Makes messages that somebody else should have signed, by whoever got hold of a connection."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from uuid import UUID

from contracts import referral, requests
from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.event import Message
from contracts.signing import Kind, Signer, signed_payload
from contracts.topology import stored_partner_subject
from tests.trust.streams import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One message before it is signed. subject: where it will lie; sender: whose connection."""

    sender: str
    subject: str
    headers: Mapping[str, str]
    body: bytes
    kind: Kind = "request"

    def signed(self, signer: Signer, *, kind: Kind | None = None) -> "Draft":
        """Rightly, but for who signs and as what."""
        payload = signed_payload(self.headers, self.body, subject=self.subject)
        return self.bearing(signer.sign(payload, kind=kind or self.kind))

    def bearing(self, signature: str) -> "Draft":
        """With this text in the place of a signature."""
        return replace(self, headers={**self.headers, SIGNATURE: signature})

    @property
    def published(self) -> str:
        """The subject that the sender writes; the server puts an organisation's code into it."""
        return self.subject.replace(f"in.{self.sender}.", "in.", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loot:
    """What the forgers have. signers: the organisations' own keys, each in its owner's hand.

    requests, feeds: real messages by organisation; facts: by stream; open: unanswered referrals.
    """

    random: Random
    signers: Mapping[str, Signer]
    stranger: Signer
    requests: Mapping[str, Sequence[Stored]]
    feeds: Mapping[str, Sequence[Stored]]
    facts: Mapping[str, Sequence[Stored]]
    open: Mapping[str, Sequence[str]]

    def pair(self) -> tuple[str, str]:
        """A forger, and another organisation."""
        me, other = self.random.sample(sorted(self.signers), 2)
        return me, other

    def busy(self, *, but: str = "") -> str:
        """One that has asked for something and was told something, so that both can be stolen."""
        busy = [code for code in sorted(self.signers) if self.requests[code] and self.feeds[code]]
        return self.random.choice([code for code in busy if code != but])

    def uuid(self) -> UUID:
        """A fresh one, the same in every run."""
        return UUID(int=self.random.getrandbits(128), version=4)


Way = Callable[[Loot], Draft]


def some_forged(loot: Loot, count: int, *, ways: Sequence[Way]) -> Iterator[tuple[str, Draft]]:
    """(name of the way, message), each way as often as every other."""
    for nth in range(count):
        way = ways[nth % len(ways)]
        yield way.__name__, way(loot)


def names_another_as_its_origin(loot: Loot) -> Draft:
    me, other = loot.pair()
    return _accept(loot, me, source=other, of=other).signed(loot.signers[me])


def signs_with_a_key_nobody_knows(loot: Loot) -> Draft:
    me, other = loot.pair()
    source = loot.random.choice((me, other))
    return _accept(loot, me, source=source, of=source).signed(loot.stranger)


def signs_nothing(loot: Loot) -> Draft:
    me, other = loot.pair()
    return _accept(loot, me, source=loot.random.choice((me, other)), of=other)


def signs_as_something_else(loot: Loot) -> Draft:
    me, _ = loot.pair()
    kind: Kind = loot.random.choice(("event", "receipt", "root"))
    return _accept(loot, me, source=me, of=me).signed(loot.signers[me], kind=kind)


def borrows_a_signature(loot: Loot) -> Draft:
    """A real one, from a real request of the organisation it speaks for."""
    me, _ = loot.pair()
    source = loot.busy()
    real = loot.random.choice(loot.requests[source])
    return _accept(loot, me, source=source, of=source).bearing(real.headers[SIGNATURE])


def sends_anothers_request_again(loot: Loot) -> Draft:
    me, _ = loot.pair()
    other = loot.busy(but=me)
    real = loot.random.choice(loot.requests[other])
    subject = real.subject.replace(f"in.{other}.", f"in.{me}.", 1)
    return Draft(sender=me, subject=subject, headers=said_by_its_sender(real), body=real.body)


def sends_its_own_again_as_new(loot: Loot) -> Draft:
    me = loot.busy()
    real = loot.random.choice(loot.requests[me])
    headers = said_by_its_sender(real) | {"ce-id": str(loot.uuid())}
    return Draft(sender=me, subject=real.subject, headers=headers, body=real.body)


def changes_a_header_afterwards(loot: Loot) -> Draft:
    me, other = loot.pair()
    draft = _accept(loot, me, source=me, of=me).signed(loot.signers[me])
    changed = loot.random.choice(
        (
            {"ce-id": str(loot.uuid())},
            {"ce-source": f"/partners/{other}"},
            {"ce-subject": str(loot.uuid())},
            {"ce-correlationid": str(loot.uuid())},
        )
    )
    return replace(draft, headers={**draft.headers, **changed})


def changes_the_body_afterwards(loot: Loot) -> Draft:
    me, _ = loot.pair()
    unknown = requests.AcceptReferral(referral_id=loot.uuid())
    draft = _request(loot, me, unknown, source=me).signed(loot.signers[me])
    wanted = requests.AcceptReferral(referral_id=UUID(any_of(loot, loot.open[me])))
    return replace(draft, body=wanted.encode())


def answers_for_anothers_referral(loot: Loot) -> Draft:
    """Rightly signed, and about what is not its own."""
    me, other = loot.pair()
    return _accept(loot, me, source=me, of=other).signed(loot.signers[me])


def confirms_for_anothers_case(loot: Loot) -> Draft:
    me, other = loot.pair()
    known = UUID(any_of(loot, loot.open[other]))
    said = requests.AcknowledgeConsent(referral_id=known, withdrawal_id=loot.uuid())
    return _request(loot, me, said, source=me).signed(loot.signers[me])


def sends_what_it_was_sent(loot: Loot) -> Draft:
    """The platform's own word, back into its own ingress."""
    me = loot.busy()
    real = loot.random.choice(loot.feeds[me])
    subject = real.subject.replace("out.", "in.", 1)
    return Draft(sender=me, subject=subject, headers=said_by_its_sender(real), body=real.body)


def speaks_as_a_service(loot: Loot) -> Draft:
    me, _ = loot.pair()
    event = an_acceptance(loot)
    headers = attributes(loot, event, source="/siraba/referral", number=1)
    subject = stored_partner_subject(me, event.name, event.version)
    draft = Draft(sender=me, subject=subject, headers=headers, body=event.encode())
    return draft.signed(loot.signers[me])


#: Into an organisation's own ingress, with its own real key at hand.
TO_US: tuple[Way, ...] = (
    names_another_as_its_origin,
    signs_with_a_key_nobody_knows,
    signs_nothing,
    signs_as_something_else,
    borrows_a_signature,
    sends_anothers_request_again,
    sends_its_own_again_as_new,
    changes_a_header_afterwards,
    changes_the_body_afterwards,
    answers_for_anothers_referral,
    confirms_for_anothers_case,
    sends_what_it_was_sent,
    speaks_as_a_service,
)


def _accept(loot: Loot, me: str, *, source: str, of: str) -> Draft:
    known = UUID(any_of(loot, loot.open[of]))
    return _request(loot, me, requests.AcceptReferral(referral_id=known), source=source)


def _request(loot: Loot, me: str, said: requests.AboutReferral, *, source: str) -> Draft:
    return a_request(said, me=me, source=source, identity=loot.uuid())


def a_request(said: requests.AboutReferral, *, me: str, identity: UUID, source: str = "") -> Draft:
    """Sent by `me`, by default in its own name."""
    envelope = Envelope(
        id=identity,
        source=f"/partners/{source or me}",
        type=said.ce_type(),
        subject=str(said.referral_id),
    )
    subject = stored_partner_subject(me, said.name, said.version)
    return Draft(sender=me, subject=subject, headers=_headers(envelope), body=said.encode())


def an_acceptance(loot: Loot) -> referral.ReferralAccepted:
    """Of a referral that its recipient has not answered."""
    code = loot.pair()[1]
    return referral.ReferralAccepted(
        referral_id=UUID(any_of(loot, loot.open[code])),
        organisation=code,
        organisation_kind="shelter",
        service="shelter",
    )


def attributes(
    loot: Loot,
    said: Message,
    *,
    source: str,
    subject: str = "",
    number: int | None = None,
    fed: bool = False,
) -> dict[str, str]:
    """What an event says of itself."""
    envelope = Envelope(
        id=loot.uuid(),
        source=source,
        type=said.ce_type(),
        subject=subject or str(loot.uuid()),
        case_sequence=number,
        feed_sequence=loot.random.randrange(1, 10_000) if fed else None,
    )
    return _headers(envelope)


def _headers(envelope: Envelope) -> dict[str, str]:
    """No Nats-Msg-Id: no window of the broker's must save us."""
    return {k: v for k, v in encode_headers(envelope).items() if k != "Nats-Msg-Id"}


def said_by_its_sender(real: Stored) -> dict[str, str]:
    """What its sender wrote into it."""
    return {name: value for name, value in real.headers.items() if not name.startswith("Nats-")}


def any_of(loot: Loot, known: Sequence[str]) -> str:
    """One of them, or one that nobody knows."""
    return loot.random.choice(known) if known else str(loot.uuid())
