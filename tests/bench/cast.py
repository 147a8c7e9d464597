"""Who takes part in a bench: organisations that each serve one place, and the cases they exchange."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from contracts.referral import OrganisationRegistered, ServiceOffered
from contracts.vocabulary import codes

KINDS = ("shelter", "health", "ngo_rights")


@dataclass(frozen=True, slots=True)
class Member:
    """One organisation: the only one of its kind that gives `service` in `region`."""

    code: str
    kind: str
    region: str
    service: str

    def entry(self) -> OrganisationRegistered:
        """Its entry in the directory."""
        return OrganisationRegistered(
            code=self.code,
            kind=self.kind,
            name_fr=f"Organisation {self.code}",
            name_en=f"Organisation {self.code}",
            region=self.region,
            zones=(self.region,),
            services=(ServiceOffered(service=self.service),),
            channel="nats",
        )

    def case(self, nth: int) -> dict[str, Any]:
        """A case with one need, which only this organisation serves: one offer, one answer."""
        return {
            "detected_on": "2026-01-15",
            "region": self.region,
            "sex": "female",
            "age_band": "18-24",
            "citizenship": ["MLI"],
            "exploitation": ["domestic_work", "forced_labour"],
            "offence_class": "trafficking",
            "victim_status": "presumed",
            "detection_channel": "patrol",
            "urgency": "urgent_72h",
            "risk": "medium",
            "needs": [self.service],
            "consent": [{"recipient_kind": self.kind, "state": "given", "by": "person"}],
            "safety": ["do_not_call"],
            "dossier": {
                "identity": {"prs_FirstName": f"Kanu{nth}", "prs_LastName": "Zanakala"},
                "contact": {"phone": "66 00 00 00", "place": "behind the second well"},
            },
        }


@dataclass(frozen=True, slots=True)
class Post:
    """One submission, ready to send."""

    owner: str
    key: str
    body: bytes


def members(count: int) -> list[Member]:
    """`count` organisations in as many niches; two of them never compete for a case."""
    niches = product(KINDS, codes("service"), codes("region"))
    return [
        Member(f"ORG_{nth:03d}", kind, region, service)
        for nth, (kind, service, region) in zip(range(count), niches, strict=False)
    ]


def posts(cast: list[Member], count: int, *, run: str) -> Iterator[Post]:
    """`count` submissions; each organisation owns the cases that its neighbour is asked about."""
    for nth in range(count):
        member, owner = cast[nth % len(cast)], cast[(nth + 1) % len(cast)]
        yield Post(owner.code, f"bench-{run}-{nth:08d}", json.dumps(member.case(nth)).encode())


def write_directory(cast: list[Member], path: Path) -> None:
    """The directory file of these organisations (JSON is YAML)."""
    lines = [
        {
            "code": one.code,
            "kind": one.kind,
            "name_fr": f"Organisation {one.code}",
            "name_en": f"Organisation {one.code}",
            "units": [{"cercle": f"{one.region}01"}],
            "zones": [one.region],
            "channel": "nats",
            "services": [{"service": one.service}],
        }
        for one in cast
    ]
    path.write_text(json.dumps({"organisations": lines}), encoding="utf-8")
