"""Random cases, consents and stages, and everything wrong with what a policy would disclose."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from contracts.policy import Basis, Cut, Decision, Fallout, Reader, Record, standing
from contracts.policy.tables import fields
from contracts.vocabulary import codes
from tests.contracts.by_hand import GROUPS, MATRIX, PURPOSES, Question, expected

Decide = Callable[[Reader, str, tuple[str, ...]], Cut]
Judge = Callable[[Cut, Reader, Record, datetime], Fallout]
START = datetime(2026, 1, 1, tzinfo=UTC)
AUTHORITIES = ("person", "guardian", "best_interests")
ORGANISATIONS = ("A1", "B2", "C3")
KINDS = tuple(dict.fromkeys(kind for kind, _ in MATRIX if kind != "public"))
DOSSIER = {
    section: {one.name: "x" for one in fields().values() if one.section == section}
    | {"unheard_of": "x"}
    for section in ("identity", "contact", "exploitation", "medical", "psychosocial",
                    "safe_place", "notes", "other")
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One reader of one person at one moment."""

    reader: Reader
    stage: str
    record: Record
    at: datetime
    withdrawal: Decision


def random_question(rng: Random) -> Asked:
    """Anybody, related in any way, at any stage, after a few decisions on a few days."""
    kind, relation = rng.choice(list(MATRIX))
    reader = Reader(
        kind=kind,
        relation=relation,
        purpose=rng.choice(PURPOSES),
        is_child=rng.random() < 0.5,
        organisation=rng.choice(ORGANISATIONS),
        from_kind=rng.choice(["", *KINDS]),
    )
    record = Record(
        decisions=tuple(_decision(rng, kind) for _ in range(rng.randrange(6))),
        bases=tuple(_basis(rng, kind) for _ in range(rng.randrange(3))),
    )
    at = _moment(rng)
    # A little later: of what is said at one moment, the narrower counts.
    withdrawal = Decision(
        **_scope(rng, kind), at=at + timedelta(minutes=1), is_given=False, by="person"
    )
    return Asked(reader, rng.choice(codes("stage")), record, at, withdrawal)


def violations(asked: Asked, decide: Decide) -> Iterator[str]:
    """Everything that the cut opens and the matrix written by hand, or the record, does not."""
    stand = frozenset(_standing(asked.record, asked.reader, asked.at))
    cut = decide(asked.reader, asked.stage, standing(asked.record, asked.reader, asked.at))
    may = {group: expected(_question(asked), group, stand) for group in GROUPS}
    for group, one in cut.groups.items():
        allowed = may[group]
        if allowed is None or one.access != allowed.access:
            yield f"{group} is open"
        elif one.grounds != allowed.grounds:
            yield f"{group} rests on what does not carry it"
    for section, held in cut.of(DOSSIER).items():
        for name in held:
            field = fields().get((section, name))
            if field is None or any(may[group] is None for group in field.groups):
                yield f"{section}.{name} is told"
            elif any(may[g] and not shows(may[g], field.aspects) for g in field.groups):
                yield f"{section}.{name} is more than the part that is open"


def misjudged_withdrawals(asked: Asked, decide: Decide, judge: Judge) -> Iterator[str]:
    """Everything that a withdrawal takes wrongly, or leaves."""
    told = decide(asked.reader, asked.stage, standing(asked.record, asked.reader, asked.at))
    no = asked.withdrawal
    record = Record(decisions=(*asked.record.decisions, no), bases=asked.record.bases)
    stand = frozenset(_standing(record, asked.reader, no.at))
    found = judge(told, asked.reader, record, no.at)
    for group, one in told.groups.items():
        now = expected(_question(asked), group, stand)
        is_carried = now is not None and bool(now.grounds)
        if (group in found.lost) != ("consent" in one.grounds and not is_carried):
            yield f"{group} is wrongly lost or left"
    if found.lost & found.kept.groups.keys():
        yield "what is lost is kept"
    still = {ground for one in found.kept.groups.values() for ground in one.grounds}
    if "consent" in still - stand:
        yield "something rests on consent that does not stand"


def _standing(record: Record, reader: Reader, at: datetime) -> set[str]:
    """The grounds, by a plain walk through the days; narrower lines come after wider ones."""
    found = {one.ground for one in record.bases if one.covers(reader) and one.since <= at
             and (one.until is None or at < one.until)}  # fmt: skip
    said = [one for one in record.decisions if one.covers(reader) and one.at <= at]
    for yes in said:
        others = [no for no in said if not no.is_given]
        if yes.is_given and _has_authority(yes, reader) and not any(
            no.at > yes.at or (no.at == yes.at and no.precision == yes.precision)
            or no.precision[0] > yes.precision[0] or no.precision[1] > yes.precision[1]
            for no in others
        ):  # fmt: skip
            found.add("consent")
    return found


def _has_authority(yes: Decision, reader: Reader) -> bool:
    if not reader.is_child:
        return yes.by == "person"
    return yes.by == "best_interests" or (yes.by == "guardian" and reader.kind != "consular")


def shows(allowed: object, aspects: frozenset[str]) -> bool:
    limit, access = getattr(allowed, "limit", ""), getattr(allowed, "access", "")
    if access == "counts":
        return False
    if limit and limit != "own_case":
        return limit in aspects
    return access == "full" or bool(aspects & {"state", "next_date"})


def _question(asked: Asked) -> Question:
    who = asked.reader
    return Question(who.kind, who.relation, who.purpose, asked.stage, who.from_kind, who.is_child)


def _scope(rng: Random, kind: str) -> dict[str, str]:
    kinds = [kind if kind in KINDS else "shelter", rng.choice(KINDS)]
    scope = {
        "organisation": rng.choice(ORGANISATIONS),
        "kind": rng.choice(kinds),
        "purpose": rng.choice(PURPOSES),
    }
    return {name: value for name, value in scope.items() if rng.random() < 0.4}


def _decision(rng: Random, kind: str) -> Decision:
    return Decision(
        **_scope(rng, kind),
        at=_moment(rng),
        is_given=rng.random() < 0.7,
        by=rng.choice(AUTHORITIES),
    )


def _basis(rng: Random, kind: str) -> Basis:
    since = _moment(rng)
    until = since + timedelta(days=rng.randrange(1, 6)) if rng.random() < 0.5 else None
    ground = rng.choice(codes("ground")[1:])
    return Basis(**_scope(rng, kind), ground=ground, since=since, until=until)


def _moment(rng: Random) -> datetime:
    return START + timedelta(days=rng.randrange(8))
