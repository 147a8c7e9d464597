"""Who has a case: its owner, and whoever has taken the person on."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from contracts.policy import Relation
from services.referral.store.referrals import KnownCase, Referral


class Ear(NamedTuple):
    """An organisation that has the case, and in which way."""

    code: str
    kind: str
    relation: Relation
    service: str
    referral_id: UUID | None


def ears(case: KnownCase, made: Sequence[Referral], *, owner_kind: str) -> Iterable[Ear]:
    """The owner, then whoever has taken the person on; each once."""
    found = {}
    if owner_kind:
        # Its own file needs no ground, so for what it does is all the same.
        found[case.owner] = Ear(case.owner, owner_kind, "owner", "shelter", None)
    for one in made:
        if one.state in ("accepted", "started"):
            kind, id = one.organisation_kind, one.referral_id
            found.setdefault(
                one.organisation, Ear(one.organisation, kind, "recipient", one.service, id)
            )
    return found.values()
