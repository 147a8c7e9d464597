"""The oracle on prevention: sessions, who took part, who was trained, whom one may have reached."""

from collections import defaultdict
from collections.abc import Iterator

from contracts.sessions import SessionDistinguished, SessionRecorded
from tests.reporting.oracle import Codes, Oracle, Said

GROUPS = {"women": "woman", "men": "man", "girls": "girl", "boys": "boy"}
Weighed = tuple[str, Codes, int]


def last_words(oracle: Oracle) -> list[Said]:
    """Of each session the last, in the order in which the first was said of them."""
    words: dict[str, list[Said]] = defaultdict(list)
    for one in oracle.of(SessionRecorded):
        words[one.subject].append(one)
    first = sorted(words.values(), key=lambda said: min(one.place for one in said))
    return [max(said, key=lambda one: one.number) for said in first]


def held(oracle: Oracle) -> Iterator[tuple[Said, Codes]]:
    apart = {one.subject for one in oracle.of(SessionDistinguished)}
    seen = set()
    for one in last_words(oracle):
        body = one.body
        who = body.organiser or body.organisation
        alike = (who, body.session_kind, body.held_on, body.region, body.cercle)
        if one.subject not in apart:
            if alike in seen:
                continue
            seen.add(alike)
        if oracle.is_day(body.held_on):
            names = ("session_kind", "region", "language")
            yield one, {name: [getattr(body, name)] for name in names}


def held_once(oracle: Oracle) -> Iterator[Weighed]:
    for one, codes in held(oracle):
        if one.body.session_kind != "hotline":
            yield one.subject, codes, 1


def took_part(oracle: Oracle) -> Iterator[Weighed]:
    for one, codes in held(oracle):
        for name, group in GROUPS.items():
            if amount := getattr(one.body.participants, name):
                yield f"{one.subject} {group}", codes | {"group": [group]}, amount


def reached(oracle: Oracle) -> Iterator[Weighed]:
    for one, codes in held(oracle):
        if one.body.estimated_reach:
            yield one.subject, codes, one.body.estimated_reach


def called(oracle: Oracle) -> Iterator[Weighed]:
    for one, codes in held(oracle):
        if one.body.calls:
            yield (
                one.subject,
                {name: codes[name] for name in ("region", "language")},
                one.body.calls,
            )


def trained(oracle: Oracle) -> Iterator[Weighed]:
    for one, codes in held(oracle):
        for nth, corps in enumerate(one.body.trained):
            for sex, amount in (("female", corps.women), ("male", corps.men)):
                if amount:
                    of_corps: Codes = {"corps": [corps.corps], "sex": [sex]}
                    yield f"{one.subject} {nth} {sex}", codes | of_corps, amount
