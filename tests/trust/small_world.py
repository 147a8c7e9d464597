"""Evidence of a run in which nothing went wrong, small enough to plant faults in by hand."""

import json
from collections import Counter

from tests.trust.evidence import Evidence
from tests.trust.streams import Stored

SHELTER, OWNER = "SHELTER_A", "POLICE_A"
STEPS = ("offered", "received", "accepted")
EVENTS = len(STEPS) + 1
CASES = ("case-1", "case-2", "case-3")


def small_world() -> Evidence:
    """Three cases, each offered to one shelter which has seen and accepted it."""
    world = _World()
    for case in CASES:
        world.register(case)
        for step in STEPS:
            world.step(case, step)
        world.leave(case)
    return world.evidence


class _World:
    def __init__(self) -> None:
        self.evidence = Evidence(fed=frozenset({SHELTER, OWNER}), holding=frozenset({SHELTER}))
        self.evidence.streams = {name: [] for name in ("INTAKE", "REFERRAL", "OUT", "INBOX")}
        self._numbers: Counter[tuple[str, str]] = Counter()

    def register(self, case: str) -> None:
        evidence = self.evidence
        evidence.attempted.append(f"key-{case}")
        evidence.acked.append((f"key-{case}", f"number-{case}"))
        evidence.cases.append((f"key-{case}", f"number-{case}", case))
        evidence.known.append(case)
        evidence.counted.append(("case", case, ""))
        evidence.expected.append((case, "shelter", SHELTER, "1", STEPS[-1]))
        evidence.referrals.append((case, "shelter", SHELTER, "1", STEPS[-1]))
        evidence.recipients[f"referral-{case}"] = SHELTER
        evidence.owners[f"referral-{case}"] = OWNER
        evidence.positions += [("referral-INTAKE", case, 2), ("intake-REFERRAL", case, EVENTS)]
        evidence.positions.append(("reporting-INTAKE", case, 2))
        evidence.positions.append(("reporting-REFERRAL", case, EVENTS))
        self._store("INTAKE", "siraba.intake.case.registered.v1.0", case, name="case.registered")

    def step(self, case: str, step: str) -> None:
        referral, name = f"referral-{case}", f"referral.{step}"
        cause = f"request-{case}-{step}"
        if step != "offered":
            self.evidence.requests.append((SHELTER, cause))
            self._store("INBOX", f"in.{SHELTER}.referral.x.v1", case, name=name, id=cause)
        self.evidence.steps.append((referral, step))
        offered = step == "offered"
        self.evidence.counted.append(
            ("offered", referral, "") if offered else ("step", referral, step)
        )
        self._store("REFERRAL", f"siraba.referral.{name}.v1.0", case, name=name, cause=cause)
        if step == "accepted":
            told = "dossier.released"
            self._store("INTAKE", f"siraba.intake.{told}.v1.0", case, name=told, cause=cause)
        for code in (SHELTER, OWNER) if step != "offered" else (SHELTER,):
            stored = self._store("OUT", f"out.{code}.{name}.v1", code, name=name)
            if code in self.evidence.holding:
                self.evidence.handled.append((code, stored.id))

    def leave(self, case: str) -> None:
        """Nobody takes the person's health on."""
        self.evidence.expected_unplaced.append((case, "health", "no_candidate"))
        self.evidence.unplaced.append((case, "health", "no_candidate"))
        self.evidence.counted.append(("unplaced", case, "health"))
        name = "referral.unplaced"
        self._store("REFERRAL", f"siraba.referral.{name}.v1.0", case, name=name)

    def _store(
        self, stream: str, subject: str, place: str, *, name: str, id: str = "", cause: str = ""
    ) -> Stored:
        """`place` is the case inside and the organisation in OUT."""
        messages = self.evidence.streams[stream]
        self._numbers[stream, place] += 1
        number = str(self._numbers[stream, place])
        stored = Stored(
            sequence=len(messages) + 1,
            subject=subject,
            headers={
                "ce-id": id or f"{stream}-{len(messages) + 1}",
                "ce-type": f"ml.siraba.{name}.v1",
                "ce-subject": place,
                "ce-source": "/siraba/referral",
                "ce-casesequence": number,
                "ce-feedsequence": number,
                "ce-causationid": cause,
            },
            body=json.dumps(self._body(place, stream, name)).encode(),
        )
        messages.append(stored)
        if stream != "INBOX":
            self.evidence.outbox.setdefault(stream, []).append(stored.id)
        return stored

    def _body(self, place: str, stream: str, name: str) -> dict[str, str]:
        if name == "referral.unplaced":
            return {"service": "health"}
        case = self.evidence.known[-1] if stream == "OUT" else place
        return {"referral_id": f"referral-{case}"}
