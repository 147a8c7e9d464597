from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import (
    Basis,
    Decision,
    DisclosureRefused,
    Reader,
    Record,
    consent_stands,
    fallout,
    may_know,
    standing,
)
from contracts.vocabulary import codes

pytestmark = pytest.mark.share("sealed")

DAY = datetime(2026, 11, 1, 12, tzinfo=UTC)


def on(day: int) -> datetime:
    return DAY + timedelta(days=day)


def reader(kind: str = "shelter", purpose: str = "care", **changes: object) -> Reader:
    known: dict[str, object] = {
        "relation": "recipient", "is_child": False, "organisation": "A1", "from_kind": "social",
    }  # fmt: skip
    return Reader(kind=kind, purpose=purpose, **known | changes)  # type: ignore[arg-type]  # test data


def yes(day: int, **scope: str) -> Decision:
    return Decision(at=on(day), is_given=True, **{"by": "person"} | scope)


def no(day: int, **scope: str) -> Decision:
    return Decision(at=on(day), is_given=False, **{"by": "person"} | scope)


def stands(*decisions: Decision, at: int = 9, who: Reader | None = None) -> bool:
    return consent_stands(Record(decisions=decisions), who or reader(), on(at))


decisions = st.builds(
    Decision,
    organisation=st.sampled_from([None, "A1", "B2"]),
    kind=st.sampled_from([None, "shelter", "health"]),
    purpose=st.sampled_from([None, "care", "return"]),
    at=st.integers(0, 4).map(on),
    is_given=st.booleans(),
    by=st.sampled_from(["person", "guardian", "best_interests"]),
)
histories = st.lists(decisions, max_size=8).map(tuple)
readers = st.builds(
    reader,
    kind=st.sampled_from(["shelter", "health", "consular"]),
    purpose=st.sampled_from(["care", "return"]),
    organisation=st.sampled_from(["A1", "B2", "C3"]),
    is_child=st.booleans(),
)


def by_replay(history: tuple[Decision, ...], who: Reader, at: datetime) -> bool:
    """Another way to the same judgement: walk through the days and remember every no."""
    may_give = {"person"}
    if who.is_child:
        may_give = {"best_interests"} if who.kind == "consular" else {"guardian", "best_interests"}
    meant = [one for one in history if one.at <= at and _means(one, who)]
    is_given, refused = False, list[Decision]()
    for _, together in groupby(sorted(meant, key=lambda one: one.at), key=lambda one: one.at):
        lines = list(together)
        now_refused = [one for one in lines if not one.is_given]
        is_given = is_given and not now_refused
        for one in lines:
            if one.is_given and one.by in may_give:
                undone = all(_names_no_less(one, old) for old in refused)
                apart = all(_names_no_less(one, n) and _width(one) != _width(n)
                            for n in now_refused)  # fmt: skip
                is_given = is_given or (undone and apart)
        refused += now_refused
    return is_given


def _means(one: Decision, who: Reader) -> bool:
    return (
        (not one.organisation or one.organisation == who.organisation)
        and (not one.kind or one.kind == who.kind)
        and (not one.purpose or one.purpose == who.purpose)
    )


def _width(one: Decision) -> tuple[int, bool]:
    return (0 if one.organisation else 1 if one.kind else 2), one.purpose is None


def _names_no_less(yes: Decision, no: Decision) -> bool:
    return _width(yes)[0] <= _width(no)[0] and _width(yes)[1] <= _width(no)[1]


def test_nothing_said_is_not_a_yes() -> None:
    assert not stands()


def test_a_yes_holds_for_its_recipient_and_purpose_from_its_moment_on() -> None:
    given_to_one = yes(3, organisation="A1", purpose="care")

    assert stands(given_to_one, at=3)
    assert not stands(given_to_one, at=2)
    assert not stands(given_to_one, who=reader(organisation="B2"))
    assert not stands(given_to_one, who=reader(purpose="return"))
    assert stands(yes(3, kind="shelter"), who=reader(purpose="return"))
    assert not stands(yes(3, kind="shelter"), who=reader(kind="health"))


def test_a_later_no_undoes_and_a_narrow_one_leaves_the_others() -> None:
    assert not stands(yes(1, kind="shelter"), no(2, kind="shelter"))
    assert not stands(yes(1, kind="shelter"), no(2, organisation="A1"))
    assert stands(yes(1, kind="shelter"), no(2, organisation="A1"), who=reader(organisation="B2"))
    assert not stands(yes(1, organisation="A1", purpose="care"), no(2))


def test_a_wide_yes_does_not_reopen_what_was_refused_by_name() -> None:
    assert not stands(no(1, organisation="A1"), yes(2, kind="shelter"))
    assert not stands(no(1, purpose="care"), yes(2, organisation="A1"))
    assert stands(no(1, organisation="A1"), yes(2, organisation="A1"))
    assert stands(no(1, kind="shelter"), yes(2, organisation="A1", purpose="care"))


def test_a_change_to_something_narrower_is_a_no_and_a_yes_at_one_moment() -> None:
    changed = (yes(1, organisation="A1"), no(2, organisation="A1"),
               yes(2, organisation="A1", purpose="care"))  # fmt: skip

    assert stands(*changed)
    assert not stands(*changed, who=reader(purpose="return"))
    assert not stands(yes(2, organisation="A1"), no(2, organisation="A1"))


def test_who_may_say_yes() -> None:
    child, embassy = reader(is_child=True), reader(kind="consular", purpose="return", is_child=True)

    assert not stands(yes(1, by="guardian"))
    assert not stands(yes(1), who=child)
    assert stands(yes(1, by="guardian"), who=child)
    assert not stands(yes(1, by="guardian"), who=embassy)
    assert stands(yes(1, by="best_interests"), who=embassy)
    assert not stands(yes(1, by="guardian"), no(2, by="person"), who=child)


@given(histories, readers, st.integers(0, 4))
def test_the_judgement_agrees_with_a_walk_through_the_days(
    history: tuple[Decision, ...], who: Reader, day: int
) -> None:
    assert consent_stands(Record(decisions=history), who, on(day)) == by_replay(
        history, who, on(day)
    )


@given(histories.flatmap(lambda h: st.tuples(st.just(h), st.permutations(h))), readers)
def test_the_order_in_which_decisions_arrive_does_not_matter(
    both: tuple[tuple[Decision, ...], list[Decision]], who: Reader
) -> None:
    history, shuffled = both

    assert consent_stands(Record(decisions=history), who, on(4)) == consent_stands(
        Record(decisions=tuple(shuffled)), who, on(4)
    )


@given(histories, decisions, readers)
def test_no_refusal_ever_opens_anything(
    history: tuple[Decision, ...], more: Decision, who: Reader
) -> None:
    refusal = Decision(at=more.at, is_given=False, by=more.by, kind=more.kind,
                       organisation=more.organisation, purpose=more.purpose)  # fmt: skip
    before = consent_stands(Record(decisions=history), who, on(4))
    after = consent_stands(Record(decisions=(*history, refusal)), who, on(4))

    assert before or not after


def test_other_grounds_stand_in_their_time_for_whom_they_were_recorded() -> None:
    order = Basis(ground="court_order", organisation="A1", since=on(1), until=on(5))
    danger = Basis(ground="vital_interest", since=on(2))
    record = Record(bases=(danger, order), decisions=(yes(0),))

    assert standing(record, reader(), on(0)) == ("consent",)
    assert standing(record, reader(), on(4)) == ("consent", "vital_interest", "court_order")
    assert standing(record, reader(), on(5)) == ("consent", "vital_interest")
    assert standing(record, reader(organisation="B2"), on(4)) == ("consent", "vital_interest")


@pytest.mark.parametrize("sender", ["shelter", "ngo_rights", "intl", "health"])
def test_from_those_who_care_the_police_learn_a_name_by_consent_or_duty_only(sender: str) -> None:
    bases = tuple(Basis(ground=ground, since=on(0)) for ground in codes("ground")[1:])
    for purpose in codes("purpose"):
        who = reader("police", purpose, from_kind=sender)
        cut = may_know(who, "accepted", standing(Record(bases=bases), who, on(1)))
        carried = cut.groups["G2"].grounds if "G2" in cut.groups else ()
        duty = ("legal_obligation",) if purpose == "investigation" else ()
        assert carried == (*duty, "court_order")


def test_a_withdrawal_takes_what_rested_on_consent_and_leaves_what_the_law_carries() -> None:
    who = reader("police", "investigation", organisation="P1")
    before = Record(decisions=(yes(1),),
                    bases=(Basis(ground="legal_obligation", kind="police", since=on(2)),))  # fmt: skip
    told = may_know(who, "accepted", standing(before, who, on(3)))
    after = Record(decisions=(*before.decisions, no(4)), bases=before.bases)

    found = fallout(told, who, record=after, at=on(4))

    assert found.lost == {"G5"}
    assert set(found.kept.groups) == {"G0", "G1", "G2", "G3", "G4", "G8", "G9", "G10"}
    assert {one.ground for one in found.kept.groups.values()} == {"legal_obligation"}
    assert told.fields - found.kept.fields == {("medical", "medico_legal_certificate")}


def test_a_withdrawal_without_another_ground_takes_all_but_what_never_rested_on_it() -> None:
    who = reader()
    told = may_know(who, "accepted", {"consent"})
    owner = reader("social", "coordination", relation="owner")
    own = may_know(owner, "accepted", {"consent"})
    record = Record(decisions=(yes(1), no(2)))

    assert fallout(told, who, record=record, at=on(2)).kept.groups == {}
    assert fallout(told, who, record=record, at=on(2)).kept.fields == frozenset()
    assert fallout(own, owner, record=record, at=on(2)).lost == {"G5"}


def test_a_withdrawal_from_another_takes_nothing() -> None:
    told = may_know(reader(), "accepted", {"consent"})
    record = Record(decisions=(yes(1), no(2, organisation="B2"), no(2, purpose="return")))

    found = fallout(told, reader(), record=record, at=on(3))

    assert (found.lost, found.kept) == (frozenset(), told)


def test_what_rested_on_another_ground_is_not_touched_by_a_withdrawal() -> None:
    told = may_know(reader(), "accepted", {"court_order"})

    found = fallout(told, reader(), record=Record(decisions=(no(1),)), at=on(1))

    assert (found.lost, found.kept) == (frozenset(), told)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda: yes(1, kind="militia"), "unknown_kind"),
        (lambda: yes(1, purpose="curiosity"), "unknown_purpose"),
        (lambda: yes(1, by="neighbour"), "unknown_authority"),
        (lambda: Basis(ground="habit", since=DAY), "unknown_ground"),
        (lambda: Basis(ground="consent", since=DAY), "unknown_ground"),
    ],
    ids=["kind", "purpose", "authority", "ground", "consent is decided, not recorded"],
)
def test_an_unknown_code_is_refused(wrong: object, reason: str) -> None:
    with pytest.raises(DisclosureRefused, match=f"^{reason}:"):
        wrong()  # type: ignore[operator]  # a thunk
