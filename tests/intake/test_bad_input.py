"""What a caller may get wrong: each answer names field and rule, and repeats nothing."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.web.app import BODY_LIMIT
from tests.builders import coded_facts
from tests.intake.desks import Desk, an_hour_ago

NAME = "Aminata-Traore-66012345"
Fault = tuple[int, str, list[tuple[str, str]]]


def seen(answer: httpx.Response) -> Fault:
    """(status, code, [(field, rule)]), after what holds for every refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.text + str(dict(answer.headers))
    for part in (NAME, "Aminata", "66012345"):
        assert part not in told
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    faults = [(one["field"], one["rule"]) for one in problem.get("errors", [])]
    return answer.status_code, problem["code"], faults


def invalid(*faults: tuple[str, str]) -> Fault:
    return 422, "invalid_request", list(faults)


MALFORMED: Fault = (400, "malformed_json", [("body", "json_invalid")])
BODIES: dict[str, tuple[bytes | Mapping[str, Any], Fault]] = {
    "half an object": (b'{"sex": "' + NAME.encode(), MALFORMED),
    "nothing at all": (b"", invalid(("body", "missing"))),
    "an unknown code": (coded_facts(sex=NAME), invalid(("sex", "unknown_code"))),
    "an unknown code in a list": (
        coded_facts(needs=["shelter", NAME]),
        invalid(("needs.1", "unknown_code")),
    ),
    "an unknown region": (coded_facts(region=NAME), invalid(("region", "unknown_code"))),
    "a wrong type": (coded_facts(sex=7), invalid(("sex", "string_type"))),
    "a list that is none": (coded_facts(needs=NAME), invalid(("needs", "tuple_type"))),
    "a day that is none": (
        coded_facts(detected_on=NAME),
        invalid(("detected_on", "day")),
    ),
    "a day as a number": (coded_facts(detected_on=86_400), invalid(("detected_on", "day"))),
    "a field that is missing": (
        {key: value for key, value in coded_facts().items() if key != "age_band"},
        invalid(("age_band", "missing")),
    ),
    "a field that we do not know": (
        coded_facts(**{NAME: NAME}),
        invalid(("*", "extra_forbidden")),
    ),
    "a name where only codes may be": (
        coded_facts(consent=[{"recipient_kind": NAME, "state": "given", "by": "person"}]),
        invalid(("consent.0.recipient_kind", "unknown_code")),
    ),
    "a dossier with an unknown section": (
        coded_facts(dossier={NAME: {"a": NAME}}),
        invalid(("dossier.*.[key]", "literal_error")),
    ),
    "a dossier field of a wrong type": (
        coded_facts(dossier={"identity": {NAME: 7}}),
        invalid(("dossier.identity.*", "string_type")),
    ),
    "consent given and refused": (
        coded_facts(
            consent=[
                {"recipient_kind": "shelter", "state": s, "by": "guardian"}
                for s in ("given", "refused")
            ]
        ),
        invalid(("body", "consent_twice")),
    ),
    "a cercle of another region": (
        coded_facts(cercle="0101"),
        invalid(("body", "cercle_outside")),
    ),
    "a day to come": (
        coded_facts(detected_on="2999-01-01"),
        invalid(("detected_on", "not_in_future")),
    ),
    "no object": (b'["' + NAME.encode() + b'"]', invalid(("body", "model_attributes_type"))),
}


async def test_a_bad_body_is_refused_by_field_and_rule(desk: Desk) -> None:
    found = {why: seen(await desk.post(body)) for why, (body, _) in BODIES.items()}

    assert found == {why: expected for why, (_, expected) in BODIES.items()}
    assert await desk.count("cases") == await desk.count("idempotency") == 0


async def test_codes_that_would_have_been_right_are_named(desk: Desk) -> None:
    problem = (await desk.post(coded_facts(sex=NAME))).json()

    assert problem["errors"][0]["list"] == "sex"
    assert problem["errors"][0]["allowed"] == ["female", "male", "unknown"]


async def test_what_breaks_a_parser_is_refused_and_is_no_fault_of_ours(desk: Desk) -> None:
    bodies = {
        "no text": b"\xff\xfe\x00",
        "deep": b"[" * 200_000,
        "deep objects": b'{"sex":' * 100_000,
        "a surrogate": json.dumps(coded_facts(sex="\ud800")).encode(),
        "a surrogate in the dossier": json.dumps(
            coded_facts(dossier={"identity": {"name": "\ud800"}})
        ).encode(),
        "a surrogate as a key": json.dumps(
            coded_facts(dossier={"identity": {"\udfff": "x"}})
        ).encode(),
        "a long number": b'{"sex": ' + b"9" * 100_000 + b"}",
        "no number": b'{"sex": NaN, "age_band": Infinity}',
        "a nul": json.dumps(coded_facts(sex="\0")).encode(),
        "a mark first": b"\xef\xbb\xbf" + json.dumps(coded_facts(sex=NAME)).encode(),
    }
    found = {why: seen(await desk.post(body))[0] for why, body in bodies.items()}

    assert {why: status for why, status in found.items() if status not in (400, 422)} == {}
    assert await desk.count("cases") == 0


async def test_a_nul_in_a_dossier_is_kept_like_any_other_character(desk: Desk) -> None:
    answer = await desk.post(coded_facts(dossier={"identity": {"na\0me": "a\0b"}}))

    assert answer.status_code == 202
    assert await desk.count("dossiers") == 1


async def test_two_megabytes_are_refused_whether_or_not_their_length_is_declared(
    desk: Desk,
) -> None:
    large = json.dumps(coded_facts(dossier={"notes": {"a": NAME * 100_000}})).encode()
    assert len(large) > 2 * BODY_LIMIT

    declared = await desk.post(large)
    lied = await desk.post(large, headers={"Content-Length": str(len(large))})

    assert seen(declared) == (413, "body_too_large", [])
    assert seen(lied) == (413, "body_too_large", [])
    assert await desk.count("cases") == 0


KEYS = {
    "none": (None, (400, "idempotency_key_missing", [("idempotency-key", "required")])),
    "too short": ("short", invalid(("idempotency-key", "string_too_short"))),
    "with a name": (f"{NAME} key", invalid(("idempotency-key", "string_pattern_mismatch"))),
    "too long": (NAME * 100, invalid(("idempotency-key", "string_too_long"))),
}


async def test_a_missing_or_bad_idempotency_key_is_refused(desk: Desk) -> None:
    found = {why: seen(await desk.post(key=key)) for why, (key, _) in KEYS.items()}

    assert found == {why: expected for why, (_, expected) in KEYS.items()}
    assert await desk.count("cases") == 0


async def test_a_key_used_before_is_refused_for_another_body_without_showing_the_first(
    desk: Desk,
) -> None:
    first = await desk.post(coded_facts(dossier={"notes": {"a": NAME}}), key=f"key-{NAME}")
    again = await desk.post(coded_facts(sex="male"), key=f"key-{NAME}")

    assert first.status_code == 202
    assert seen(again) == (422, "idempotency_key_reused", [("idempotency-key", "same_body")])
    assert first.json()["case_number"] not in again.text


async def test_nobody_without_a_good_token_of_the_right_kind_gets_in(desk: Desk) -> None:
    foreign = desk.token("SHELTER_B")
    head, body, _ = desk.token().split(".")
    tokens = {
        "none": ("none", 401, "token_missing"),
        "another scheme": (f"Basic {NAME}", 401, "token_missing"),
        "not a token": (f"Bearer {NAME}", 401, "token_malformed"),
        "expired": (f"Bearer {desk.token(now=an_hour_ago())}", 401, "token_expired"),
        "for another service": (
            f"Bearer {desk.token(audience='referral')}",
            401,
            "token_for_other",
        ),
        "of nobody we know": (
            f"Bearer {desk.token(organisation='NOBODY')}",
            401,
            "unknown_issuer",
        ),
        "in another's name": (
            f"Bearer {desk.token('SHELTER_B', organisation='POLICE_A')}",
            401,
            "token_malformed",
        ),
        "with another's signature": (
            f"Bearer {head}.{body}.{foreign.split('.')[2]}",
            401,
            "token_malformed",
        ),
        "without a signature": (f"Bearer {head}.{body}.", 401, "token_malformed"),
        "of a role that may not": (f"Bearer {desk.token(role='analyst')}", 403, "role_forbidden"),
    }
    found = {}
    for why, (value, *_) in tokens.items():
        status, code, _ = seen(await desk.post(headers={"Authorization": value}))
        found[why] = (status, code)

    assert found == {why: (status, code) for why, (_, status, code) in tokens.items()}
    assert await desk.count("cases") == 0


async def test_a_foreign_case_and_one_that_is_not_are_answered_byte_for_byte_alike(
    desk: Desk,
) -> None:
    number = (await desk.post()).json()["case_number"]
    foreign = await desk.get(f"/cases/{number}", "SHELTER_B")
    nowhere = await desk.get(f"/cases/{NAME}", "SHELTER_B")

    assert seen(foreign) == seen(nowhere) == (404, "not_found", [])
    assert foreign.content == nowhere.content


async def test_other_methods_types_and_paths_are_refused_as_problems(desk: Desk) -> None:
    headers = {"Authorization": f"Bearer {desk.token()}"}
    deleted = await desk.client.delete("/intake/cases", headers=headers)
    elsewhere = await desk.client.get(f"/intake/{NAME}", headers=headers)
    form = await desk.post(
        f"sex={NAME}".encode(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert seen(deleted)[0] == 405
    assert seen(elsewhere)[0] == 404
    assert seen(form)[0] in (415, 422)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just(NAME),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(NAME) | st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


async def test_no_value_in_any_field_is_ever_a_fault_of_ours_or_repeated(desk: Desk) -> None:
    fields = [*coded_facts(), "cercle", "risk", "safety", "dossier", "victim_status"]

    @settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.lists(st.tuples(st.sampled_from(fields), json_values), min_size=1, max_size=3))
    def planned(changes: list[tuple[str, Any]]) -> None:
        plans.append(coded_facts(**dict(changes)))

    plans: list[dict[str, Any]] = []
    planned()
    for body in plans:
        answer = await desk.post(json.dumps(body).encode())
        if answer.status_code != 202:
            assert seen(answer)[0] == 422
