from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chassis.web import add_api, web_app
from contracts.callers import issue_token
from contracts.identifiers import Mint
from services.reporting import api
from services.reporting.domain.disclosure import EXACT, INTERNAL_K
from tests.reporting.happenings import Happenings, Roles, take

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
COMMITTEE = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
MINT = Mint(now_ms=lambda: int(NOON.timestamp() * 1000), entropy=lambda n: b"\0" * n)
UNROUNDED = ("victims_detected", "victims_referred", "services_unplaced")
SECRET_WORD = "Kadiatou"


async def key_of(organisation: str) -> Ed25519PublicKey | None:
    return COMMITTEE.public_key() if organisation == "COMITE" else None


def bearer(
    *,
    role: str = "data_officer",
    audience: str = "reporting",
    organisation: str = "COMITE",
    key: Ed25519PrivateKey = COMMITTEE,
    now: datetime = NOON,
) -> dict[str, str]:
    token = issue_token(key, organisation=organisation, role=role, audience=audience, now=now)
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
async def client(roles: Roles) -> AsyncIterator[httpx.AsyncClient]:
    happened = Happenings()
    for case in (1, 2):
        happened.registered(case)
        happened.offered(case, case)
    happened.stepped(1, 1, "accepted", minutes=31)
    happened.unplaced(2)
    await take(roles.work, happened.events)
    app = web_app(title="Siraba reporting", prefix="/reporting")
    add_api(app, api.router(web=roles.web, key_of=key_of, mint=MINT))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a/reporting"
    ) as client:
        yield client


@pytest.mark.parametrize("role", EXACT)
async def test_the_figures_name_their_window_and_their_units(
    client: httpx.AsyncClient, role: str
) -> None:
    asked = {"from": "2026-11-01", "to": "2026-12-01", "as_of": "2026-11-24T11:00:00Z"}

    answer = await client.get("/figures", params=asked, headers=bearer(role=role))

    assert answer.status_code == 200
    states = {"offered": 1, "received": 0, "accepted": 1, "declined": 0, "overdue": 0, "started": 0}
    assert answer.json() == {
        "from": "2026-11-01",
        "to": "2026-12-01",
        "as_of": "2026-11-24T11:00:00Z",
        "followed": [
            {"stream": "INTAKE", "sequence": 2, "recorded_at": "2026-11-24T06:00:00Z"},
            {"stream": "REFERRAL", "sequence": 4, "recorded_at": "2026-11-24T06:03:00Z"},
        ],
        "rounded_down_to": 1,
        "figures": {
            "victims_detected": {"unit": "persons", "value": 2},
            "victims_referred": {"unit": "persons", "value": 2},
            "referrals_by_state": {
                "unit": "referrals", "total": 2,
                "value": states | {"delivered": 0, "not_delivered": 0, "withdrawn": 0, "confirmed": 0},
            },
            "services_unplaced": {"unit": "services", "value": 1},
            "time_to_answer": {"unit": "seconds", "value": 1800.0, "answered": 1},
        },
    }  # fmt: skip


async def test_a_question_without_bounds_is_answered_with_the_bounds_it_got(
    client: httpx.AsyncClient,
) -> None:
    body = (await client.get("/figures", headers=bearer())).json()

    assert (body["from"], body["to"]) == ("2026-01-01", "2027-01-01")
    assert body["as_of"] == "2026-11-24T12:00:00Z"


async def test_the_same_question_gets_the_same_answer_whatever_came_since(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    asked = {"as_of": "2026-11-24T06:30:00Z"}
    before = (await client.get("/figures", params=asked, headers=bearer())).json()
    later = Happenings()
    later.registered(7, minutes=60)
    later.offered(7, 7, minutes=61)
    await take(roles.work, later.events)

    after = (await client.get("/figures", params=asked, headers=bearer())).json()

    assert after["figures"] == before["figures"]


@pytest.fixture
async def crowd(client: httpx.AsyncClient, roles: Roles) -> httpx.AsyncClient:
    """Nine persons referred: eight of them have been answered, seven with a yes."""
    more = Happenings()
    for case in range(11, 18):
        more.registered(case)
        more.offered(case, case)
        more.stepped(case, case, "declined" if case == 11 else "accepted", minutes=90)
    await take(roles.work, more.events)
    return client


async def seen_by(client: httpx.AsyncClient, role: str) -> dict[str, Any]:
    answer = await client.get("/figures", headers=bearer(role=role))
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def off_step(body: dict[str, Any]) -> list[int]:
    """The numbers that say more than a multiple of the least number."""
    figures = body["figures"]
    said = [figures[name]["value"] for name in UNROUNDED]
    said += [
        *figures["referrals_by_state"]["value"].values(),
        figures["referrals_by_state"]["total"],
    ]
    said.append(figures["time_to_answer"]["answered"])
    return [number for number in said if number % INTERNAL_K]


async def test_an_analyst_sees_no_number_that_points_at_somebody(crowd: httpx.AsyncClient) -> None:
    exact, rounded = await seen_by(crowd, "data_officer"), await seen_by(crowd, "analyst")

    assert rounded["rounded_down_to"] == INTERNAL_K
    assert exact["figures"]["victims_detected"]["value"] == 9
    assert rounded["figures"]["victims_detected"]["value"] == 5
    assert rounded["figures"]["referrals_by_state"]["value"]["declined"] == 0
    # The exact sum would tell how much was taken off its parts.
    assert rounded["figures"]["referrals_by_state"]["total"] == 5
    assert off_step(exact)
    assert off_step(rounded) == []
    assert exact["figures"]["time_to_answer"] == {"unit": "seconds", "value": 5340.0, "answered": 8}
    assert rounded["figures"]["time_to_answer"] == {
        "unit": "seconds",
        "value": 3600.0,
        "answered": 5,
    }


async def test_who_has_the_figures_hears_that_nothing_was_counted_since(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    first = await client.get("/figures", headers=bearer())
    known = {"if-none-match": first.headers["etag"]}
    same = await client.get("/figures", headers=bearer() | known)
    assert (same.status_code, same.content) == (304, b"")
    other_eyes = await client.get("/figures", headers=bearer(role="analyst") | known)
    assert other_eyes.status_code == 200
    more = Happenings()
    more.registered(7, minutes=60)
    await take(roles.work, more.events)

    changed = await client.get("/figures", headers=bearer() | known)

    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_an_analyst_hears_no_median_of_a_few(client: httpx.AsyncClient) -> None:
    assert (await seen_by(client, "analyst"))["figures"]["time_to_answer"]["value"] is None


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "2026-01-02"},
        {"to": "2028-01-01"},
        {"from": "2025-06-01", "to": "2026-06-01"},
        {"from": "9999-01-01", "to": "9999-12-31"},
    ],
)
async def test_an_analyst_cannot_take_one_window_from_another(
    client: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    answer = await client.get("/figures", params=asked, headers=bearer(role="analyst"))

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "to", "rule": "calendar_year", "place": "query"}]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"from": SECRET_WORD}, {"field": "from", "rule": "day"}),
        ({"to": "2026-13-01"}, {"field": "to", "rule": "day"}),
        ({"from": "2026-12-01", "to": "2026-11-01"}, {"field": "from", "rule": "before_to"}),
        ({"as_of": SECRET_WORD}, {"field": "as_of", "rule": "moment_with_offset"}),
        (
            {SECRET_WORD: "1"},
            {"field": "*", "rule": "unknown_parameter", "allowed": ["from", "to", "as_of"]},
        ),
    ],
)
async def test_a_bad_question_hears_field_and_rule_and_never_its_own_words(
    client: httpx.AsyncClient, asked: dict[str, str], expected: dict[str, Any]
) -> None:
    answer = await client.get("/figures", params=asked, headers=bearer())

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"] == [expected | {"place": "query"}]
    assert SECRET_WORD not in answer.text


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "token_missing"),
        ({"authorization": "Bearer nonsense"}, 401, "token_malformed"),
        (bearer(now=NOON - timedelta(hours=1)), 401, "token_expired"),
        (bearer(audience="intake"), 401, "token_for_other"),
        (bearer(organisation="ONG_X", key=STRANGER), 401, "unknown_issuer"),
        (bearer(key=STRANGER), 401, "token_malformed"),
        (bearer(role="officer"), 403, "role_forbidden"),
        (bearer(role="focal_point"), 403, "role_forbidden"),
    ],
)
async def test_whoever_may_not_see_figures_hears_why(
    client: httpx.AsyncClient, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await client.get("/figures", params={"from": SECRET_WORD}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "figures" not in answer.json()


async def test_the_schema_tells_the_parameters_and_the_units(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    parameters = schema["paths"]["/figures"]["get"]["parameters"]

    assert [one["name"] for one in parameters] == ["from", "to", "as_of"]
    assert all(one["description"] for one in parameters)
    assert schema["components"]["schemas"]["Median"]["properties"]["unit"]["const"] == "seconds"
