"""The questions an audit of the road asks of the evidence; each is one comparison of sets."""

from collections.abc import Iterator

from tests.trust.auditor import Audit, Finding, compare, in_order
from tests.trust.evidence import Evidence, Fact, body_of
from tests.trust.refusals import refused
from tests.trust.streams import Stored

# The order in which one referral's events may come.
STAGES = {
    "offered": 0, "received": 1, "accepted": 2, "declined": 2, "started": 3, "delivered": 4,
    "not_delivered": 4,
}  # fmt: skip
CONSUMERS = {
    "INTAKE": ("referral-INTAKE", "reporting-INTAKE"),
    "REFERRAL": ("intake-REFERRAL", "reporting-REFERRAL"),
}


def audit(evidence: Evidence) -> Audit:
    """Every question; what is clean stands there too, with its counts."""
    return Audit(
        [
            *_about_cases(evidence),
            *_about_carrying(evidence),
            *_about_referrals(evidence),
            *_about_disclosing(evidence),
            *_about_counting(evidence),
            *_about_partners(evidence),
            *_about_order(evidence),
        ]
    )


def _about_cases(evidence: Evidence) -> Iterator[Finding]:
    cases = [case for _, _, case in evidence.cases]
    yield compare(
        "a case that was answered 202 is in the table, under the number that was told",
        acked=evidence.acked,
        found=_numbered(evidence),
        attempted=[(key,) for key in evidence.attempted],
    )
    registered = [m.place for m in evidence.streams["INTAKE"] if m.name == "case.registered"]
    yield compare("each case is told inside once", acked=cases, found=registered)
    yield compare("referral knows each case once", acked=cases, found=evidence.known)
    yield compare("nothing is left undone", acked=(), found=evidence.left)


def _numbered(evidence: Evidence) -> list[Fact]:
    """The table's rows in the callers' words: a number counts only if it is the one told."""
    told = set(evidence.acked)
    return [(k, n) if (k, n) in told else (k,) for k, n, _ in evidence.cases]


def _about_carrying(evidence: Evidence) -> Iterator[Finding]:
    for stream in ("INTAKE", "REFERRAL", "OUT"):
        yield compare(
            f"each outbox row lies in {stream} once",
            acked=evidence.outbox.get(stream, ()),
            found=[message.id for message in evidence.streams[stream]],
        )


def _about_referrals(evidence: Evidence) -> Iterator[Finding]:
    events = _referral_events(evidence)
    yield compare(
        "each referral that routing says exists, in the state its answers lead to",
        acked=evidence.expected,
        found=evidence.referrals,
    )
    yield compare(
        "each service that nobody takes is known",
        acked=evidence.expected_unplaced,
        found=evidence.unplaced,
    )
    yield compare(
        "each step is with the case's owner",
        acked=[(body_of(m)["referral_id"], _step(m)) for m in events],
        found=evidence.steps,
    )


def _about_disclosing(evidence: Evidence) -> Iterator[Finding]:
    accepted = [m for m in _referral_events(evidence) if _step(m) == "accepted"]
    receipts = [m for m in evidence.streams["INTAKE"] if m.name == "dossier.released"]
    yield compare(
        "each acceptance has its receipt, once for each ground",
        acked={body_of(m)["referral_id"] for m in accepted},
        found={body_of(m)["referral_id"] for m in receipts},
    )
    grounds = [(body_of(m)["referral_id"], body_of(m).get("ground")) for m in receipts]
    yield compare("no ground is used twice", acked=grounds, found=grounds)


def _about_counting(evidence: Evidence) -> Iterator[Finding]:
    registered = [m for m in evidence.streams["INTAKE"] if m.name == "case.registered"]
    yield compare(
        "reporting counts each fact once",
        acked=[
            *(("case", m.place, "") for m in registered),
            *map(_counted, _referral_events(evidence)),
            *(("unplaced", m.place, body_of(m)["service"]) for m in _unplaced(evidence)),
        ],
        found=evidence.counted,
    )


def _counted(event: Stored) -> Fact:
    referral, step = body_of(event)["referral_id"], _step(event)
    return ("offered", referral, "") if step == "offered" else ("step", referral, step)


def _about_partners(evidence: Evidence) -> Iterator[Finding]:
    feed = [(m.subject.split(".")[1], m) for m in evidence.streams["OUT"]]
    stored = [(m.subject.split(".")[1], m.id) for m in evidence.streams["INBOX"]]
    caused = [
        m.headers["ce-causationid"] for m in _referral_events(evidence) if _step(m) != "offered"
    ]
    without_effect = [one for one in evidence.requests if one[1] not in set(caused)]
    said_no = [identity for _, identity in refused(evidence.streams["OUT"], without_effect)]
    yield compare("each request lies in INBOX once", acked=evidence.requests, found=stored)
    yield compare(
        "each request has its effect once",
        acked=[identity for _, identity in evidence.requests],
        found=[*caused, *said_no],
    )
    yield compare(
        "each step is told once to each whom it concerns",
        acked=_heard(evidence),
        found=[
            (code, m.name, str(body_of(m)["referral_id"]))
            for code, m in feed
            if m.name.startswith("referral.") and "referral_id" in body_of(m)
        ],
    )
    yield compare(
        "each message of a feed is handled once",
        acked=[(code, m.id) for code, m in feed if code in evidence.holding],
        found=evidence.handled,
    )


def _about_order(evidence: Evidence) -> Iterator[Finding]:
    for stream in ("INTAKE", "REFERRAL"):
        numbers = [(m.place, int(m.headers["ce-casesequence"])) for m in evidence.streams[stream]]
        yield in_order(f"the events of a case lie in {stream} in order", numbers)
        yield compare(
            f"who reads {stream} has done each case to its end",
            acked=[(c, place, last) for c in CONSUMERS[stream] for place, last in _last(numbers)],
            found=[one for one in evidence.positions if one[0] in CONSUMERS[stream]],
        )
    feeds = [
        # Each of our services counts by itself in each feed.
        ((m.subject.split(".")[1], m.headers["ce-source"]), int(m.headers["ce-feedsequence"]))
        for m in evidence.streams["OUT"]
    ]
    yield in_order("each feed lies in OUT in order", feeds)
    yield _life(evidence)


def _life(evidence: Evidence) -> Finding:
    """By the numbers of its case, each referral goes forward only."""
    events = _referral_events(evidence)
    stage: dict[str, int] = {}
    backwards = []
    for event in sorted(events, key=lambda m: (m.place, int(m.headers["ce-casesequence"]))):
        referral, step = body_of(event)["referral_id"], _step(event)
        if STAGES[step] <= stage.get(referral, -1):
            backwards.append((referral, step))
        stage[referral] = STAGES[step]
    return Finding(
        question="each referral goes forward only",
        acked=len(events),
        found=len(events),
        disordered=tuple(backwards),
    )


def _last(numbers: list[tuple[str, int]]) -> list[tuple[str, int]]:
    last: dict[str, int] = {}
    for place, number in numbers:
        last[place] = max(number, last.get(place, 0))
    return list(last.items())


def _heard(evidence: Evidence) -> Iterator[Fact]:
    """Who must hear each step: whom it was offered to, and then also who owns the case."""
    for event in _referral_events(evidence):
        referral = body_of(event)["referral_id"]
        hearers = {evidence.recipients.get(referral)}
        if _step(event) != "offered":
            hearers.add(evidence.owners.get(referral))
        for code in hearers & evidence.fed:
            yield (str(code), event.name, referral)


def _referral_events(evidence: Evidence) -> list[Stored]:
    return [m for m in evidence.streams["REFERRAL"] if _step(m) in STAGES]


def _unplaced(evidence: Evidence) -> list[Stored]:
    return [m for m in evidence.streams["REFERRAL"] if m.name == "referral.unplaced"]


def _step(message: Stored) -> str:
    entity, _, step = message.name.partition(".")
    return step if entity == "referral" else ""
