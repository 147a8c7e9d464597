"""Eleven sorts of bad message, each a good one with one thing wrong, and where each must end."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from uuid import UUID

from contracts.event import Message
from contracts.reading import REQUEST_BYTES
from contracts.referral import SOURCE as REFERRAL_SOURCE
from contracts.referral import ReferralReceived
from contracts.requests import DeclineReferral
from contracts.topology import MAX_PAYLOAD_BYTES, PARTITIONS
from tests.builders import (
    CANARY,
    a_case,
    event_headers,
    event_subject,
    request_headers,
    sent_subject,
)

INTERNAL = ("INTAKE", "REFERRAL")
EVERYWHERE = (*INTERNAL, "INBOX")
FAR_AHEAD = "1000"
# The ends that are no dead letter.
PARKED, REFUSED, UNSTORED = "parked", "unknown_referral", "refused by the broker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What `sender`, a service of ours or an organisation, publishes."""

    stream: str
    sender: str
    subject: str
    headers: Mapping[str, str]
    body: bytes

    def said(self, **changes: object) -> "Letter":
        """With other words in the body."""
        return replace(self, body=json.dumps(json.loads(self.body) | changes).encode())

    def headed(self, **changes: str) -> "Letter":
        """With other attributes; their names without `ce-`."""
        heads = {f"ce-{name}": value for name, value in changes.items()}
        return replace(self, headers={**self.headers, **heads})


@dataclass(frozen=True, slots=True)
class Known:
    """What a hostile insider can know. request_of: code → an id it has used;
    foreign_to: code → a referral of somebody else."""

    request_of: Callable[[str], str]
    foreign_to: Callable[[str], str]


Spoil = Callable[[Letter, Known], Letter]


@dataclass(frozen=True, slots=True)
class Sort:
    """What is done to a good message, where, and how it must end: a reason, or one of the above."""

    spoil: Spoil
    end: str
    streams: tuple[str, ...] = EVERYWHERE


def _unknown_code(letter: Letter, _: Known) -> Letter:
    coded = {"INTAKE": "sex", "REFERRAL": "organisation_kind", "INBOX": "reason"}
    return letter.said(**{coded[letter.stream]: CANARY})


def _unsaid(letter: Letter, _: Known) -> Letter:
    return replace(letter, headers={k: v for k, v in letter.headers.items() if k != "ce-subject"})


def _elsewhere(letter: Letter, _: Known) -> Letter:
    """A subject that its sender may use, of another partition or another request."""
    if letter.stream == "INBOX":
        return replace(letter, subject="in.referral.receive.v1")
    place, _dot, number = letter.subject.rpartition(".")
    return replace(letter, subject=f"{place}.{(int(number) + 1) % PARTITIONS}")


def _padded(size: int) -> Spoil:
    return lambda letter, _: replace(letter, body=letter.body.ljust(size))


SORTS: Mapping[str, Sequence[Sort]] = {
    "not JSON": [Sort(lambda one, _: replace(one, body=CANARY.encode()), "not_json")],
    "not UTF-8": [Sort(lambda one, _: replace(one, body=b"\xff\xfe" + one.body), "not_utf8")],
    "wrong schema": [Sort(lambda one, _: replace(one, body=b"{}"), "wrong_schema")],
    "unknown code": [Sort(_unknown_code, "unknown_code")],
    "unknown type": [
        Sort(lambda one, _: one.headed(type="ml.siraba.case.vanished.v1"), "unknown_type")
    ],
    "wrong subject": [Sort(_elsewhere, "wrong_subject")],
    "missing attribute": [Sort(_unsaid, "missing_attribute")],
    "same id with another body": [
        Sort(lambda one, known: one.headed(id=known.request_of(one.sender)), "id_reused", ("INBOX",))
    ],
    # More than a request may have, and more than the broker takes from anybody.
    "oversize": [
        Sort(_padded(REQUEST_BYTES + 1), "oversize", ("INBOX",)),
        Sort(_padded(MAX_PAYLOAD_BYTES + 1), UNSTORED, INTERNAL),
    ],
    "sequence far ahead": [Sort(lambda one, _: one.headed(casesequence=FAR_AHEAD), PARKED, INTERNAL)],
    "foreign case": [
        Sort(
            lambda one, known: one.said(referral_id=known.foreign_to(one.sender)),
            REFUSED,
            ("INBOX",),
        )
    ],
}  # fmt: skip


def some_poison(each: int, *, codes: Sequence[str], random: Random) -> list[tuple[Sort, Letter]]:
    """`each` of every sort in a random order, still unspoilt; codes: who sends requests."""
    letters = []
    for variants in SORTS.values():
        for nth in range(each):
            sort = variants[nth % len(variants)]
            stream = random.choice(sort.streams)
            letters.append((sort, good_letter(stream, random.choice(codes), random)))
    random.shuffle(letters)
    return letters


def good_letter(stream: str, code: str, random: Random) -> Letter:
    """A message without fault about a case or referral that nobody else speaks of."""
    identity, about = _uuid(random), _uuid(random)
    if stream == "INBOX":
        request = DeclineReferral(referral_id=about, reason="capacity")
        headers = request_headers(code, request, stamped=False, id=identity)
        return _letter(request, stream, code, subject=sent_subject(request), headers=headers)
    message, more = _event(stream, code, about)
    return _letter(
        message,
        stream,
        stream.lower(),
        subject=event_subject(message, str(about), service=stream.lower()),
        headers=event_headers(message, case_id=str(about), number=1, id=identity, **more),
    )


def _event(stream: str, code: str, about: UUID) -> tuple[Message, dict[str, Any]]:
    if stream == "INTAKE":
        return a_case(owner=code), {}
    received = ReferralReceived(
        referral_id=about, organisation=code, organisation_kind="shelter", service="shelter"
    )
    return received, {"source": REFERRAL_SOURCE}


def _letter(
    message: Message, stream: str, sender: str, *, subject: str, headers: Mapping[str, str]
) -> Letter:
    return Letter(
        stream=stream, sender=sender, subject=subject, headers=headers, body=message.encode()
    )


def _uuid(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)
