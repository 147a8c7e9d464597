"""One well-formed request of every kind, as a partner's program would write it."""

from typing import Any
from uuid import UUID

from contracts.catalogue import REQUESTS
from contracts.requests import Request
from contracts.sealing import Sealed

REFERRAL = str(UUID(int=1, version=4))
FILE = str(UUID(int=2, version=4))
SUSPECT = str(UUID(int=3, version=4))
SESSION = str(UUID(int=4, version=4))
#: Has the form of a sealed part, and opens nowhere.
SEALED: dict[str, Any] = {
    "protected": "e30",
    "recipients": [
        {
            "header": {
                "kid": "0" * 16,
                "epk": {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
            },
            "encrypted_key": "A" * 54,
        }
    ],
    "iv": "A" * 16,
    "ciphertext": "AAAA",
    "tag": "A" * 22,
}
Sealed.model_validate(SEALED)

#: Name → body.
WELL_FORMED: dict[str, dict[str, Any]] = {
    "referral.receive": {"referral_id": REFERRAL},
    "referral.accept": {"referral_id": REFERRAL},
    "referral.decline": {"referral_id": REFERRAL, "reason": "capacity"},
    "referral.start": {"referral_id": REFERRAL},
    "referral.deliver": {"referral_id": REFERRAL},
    "referral.fail": {"referral_id": REFERRAL, "reason": "no_show"},
    "consent.acknowledge": {"referral_id": REFERRAL, "withdrawal_id": FILE},
    "feed.replay": {"after": 0},
    "feed.snapshot": {},
    "capacity.report": {
        "service": "shelter",
        "places": 20,
        "free": 3,
        "counted_at": "2026-11-24T08:00:00Z",
    },
    "case.report": {"report_id": FILE, "sealed": SEALED},
    "proceeding.report": {
        "referral_id": REFERRAL,
        "proceeding_id": FILE,
        "state": "judicial_investigation",
        "on": "2026-11-20",
        "offence_class": "trafficking",
        "next_hearing_on": "2026-12-01",
    },
    "suspect.report": {
        "proceeding_id": FILE,
        "suspect_id": SUSPECT,
        "on": "2026-11-20",
        "custody": "remand",
        "sex": "male",
        "age_band": "35-59",
        "citizenship": ["MLI"],
        "sealed": SEALED,
    },
    "judgment.report": {
        "proceeding_id": FILE,
        "suspect_id": SUSPECT,
        "on": "2026-11-20",
        "court": "high_court_criminal",
        "offence_class": "trafficking",
        "verdict": "convicted",
        "is_final": False,
        "sentences": ["imprisonment", "fine"],
        "months": 60,
        "fine": 500_000,
    },
    "threat.report": {
        "referral_id": REFERRAL,
        "threat": "reprisal",
        "threat_source": "family",
        "urgency": "vital_1h",
        "on": "2026-11-24",
        "safety": ["do_not_call"],
    },
    "session.report": {
        "session_id": SESSION,
        "kind": "talk",
        "held_on": "2026-11-20",
        "region": "12",
        "cercle": "1201",
        "language": "bambara",
        "participants": {"women": 30, "girls": 12},
    },
}


def a_request(name: str, **changes: Any) -> Request:
    """The request of this name with these fields instead; those that are None are left out."""
    body = {key: value for key, value in (WELL_FORMED[name] | changes).items() if value is not None}
    model = REQUESTS[f"ml.siraba.{name}.v1"]
    read = model.model_validate(body)
    assert isinstance(read, Request)
    return read
