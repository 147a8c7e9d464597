from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from fastapi import Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse
from joserfc import jwt
from joserfc.jwk import OctKey

from chassis.web import BearerCaller, Entrance, Sessions, web_app
from chassis.web.session import SESSION_TYPE
from contracts.callers import ROLES, Caller, issue_token

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET = b"s" * 32
COMMITTEE = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


async def key_of(organisation: str) -> Ed25519PublicKey | None:
    return COMMITTEE.public_key() if organisation == "COMMITTEE" else None


def token(
    *, audience: str = "reporting", role: str = "analyst", now: datetime = NOON, person: str = "p-1"
) -> str:
    return issue_token(
        COMMITTEE, organisation="COMMITTEE", role=role, audience=audience, now=now, person=person
    )


def an_app(clock: Clock, sessions: Sessions, kind: type[Entrance] = Entrance) -> FastAPI:
    app = web_app(title="Reporting", prefix="/reporting")
    entrance = kind(sessions=sessions, key_of=key_of, clock=clock, roles=ROLES)
    program = BearerCaller(audience="reporting", key_of=key_of, clock=clock)

    entrance.add_to(app)

    @app.get("/")
    async def home(caller: Annotated[Caller, Depends(entrance.visitor)]) -> str:
        caller.require("analyst")
        return caller.organisation

    @app.get("/form")
    async def form(
        request: Request, _: Annotated[Caller, Depends(entrance.visitor)]
    ) -> PlainTextResponse:
        return PlainTextResponse(sessions.form_token(request))

    @app.post("/form")
    async def sent(caller: Annotated[Caller, Depends(entrance.sender)]) -> str | None:
        return caller.person

    @app.get("/figures")
    async def figures(caller: Annotated[Caller, Depends(program)]) -> str:
        return f"{caller.organisation} {caller.role}"

    return app


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    app = an_app(clock, Sessions(SECRET, service="reporting", path="/reporting"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a/reporting", follow_redirects=False
    ) as client:
        yield client


async def test_a_link_becomes_a_session(client: httpx.AsyncClient) -> None:
    entered = await client.get("/enter", params={"token": token()})
    page = await client.get("/")

    assert (entered.status_code, entered.headers["location"]) == (303, "/reporting/")
    assert page.json() == "COMMITTEE"


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(
    client: httpx.AsyncClient,
) -> None:
    cookie = (await client.get("/enter", params={"token": token()})).headers["set-cookie"]

    assert cookie.startswith("siraba_reporting=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/reporting", "Max-Age=28800"):
        assert part in cookie
    assert "Secure" not in cookie


async def test_behind_tls_the_cookie_is_secure(clock: Clock) -> None:
    app = an_app(clock, Sessions(SECRET, service="reporting", secure=True))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://a", follow_redirects=False
    ) as client:
        cookie = (await client.get("/enter", params={"token": token()})).headers["set-cookie"]

    assert "Secure" in cookie


async def test_a_session_ends_after_eight_hours_whatever_happens(
    client: httpx.AsyncClient, clock: Clock
) -> None:
    await client.get("/enter", params={"token": token()})

    clock.now = NOON + timedelta(hours=7, minutes=59)
    assert (await client.get("/")).status_code == 200
    clock.now = NOON + timedelta(hours=8)
    assert (await client.get("/")).status_code == 401


async def test_a_service_may_let_sessions_end_sooner(clock: Clock) -> None:
    sessions = Sessions(SECRET, service="reporting", life=timedelta(minutes=30))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(an_app(clock, sessions)), base_url="http://a/reporting"
    ) as client:
        entered = await client.get("/enter", params={"token": token()})
        clock.now = NOON + timedelta(minutes=30)

        assert "Max-Age=1800" in entered.headers["set-cookie"]
        assert (await client.get("/")).status_code == 401


async def test_a_form_of_this_session_passes_and_names_the_person(
    client: httpx.AsyncClient,
) -> None:
    await client.get("/enter", params={"token": token(person="p-7")})
    form = (await client.get("/form")).text

    assert (await client.post("/form", data={"session_form": form})).json() == "p-7"


async def foreign_forms(client: httpx.AsyncClient) -> list[int]:
    """How forms are answered that another site, or another session, could have made."""
    await client.get("/enter", params={"token": token(person="p-2")})
    others = (await client.get("/form")).text
    await client.get("/enter", params={"token": token(person="p-1")})
    forms: list[dict[str, str]] = [{}, {"session_form": ""}, {"session_form": others}]
    return [(await client.post("/form", data=form)).status_code for form in forms]


async def test_a_form_of_another_site_or_session_is_refused(client: httpx.AsyncClient) -> None:
    assert await foreign_forms(client) == [403, 403, 403]


async def test_a_form_without_a_session_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/form", data={"session_form": "x"})).status_code == 401


@pytest.mark.parametrize(
    "given",
    ["", "nonsense", token(audience="intake"), token(now=NOON - timedelta(hours=1))],
    ids=["none", "nonsense", "for another service", "expired"],
)
async def test_a_bad_link_opens_nothing(client: httpx.AsyncClient, given: str) -> None:
    entered = await client.get("/enter", params={"token": given})

    assert entered.status_code == 401
    assert "set-cookie" not in entered.headers


async def test_leaving_closes_the_session(client: httpx.AsyncClient) -> None:
    await client.get("/enter", params={"token": token()})

    assert (await client.post("/leave")).status_code == 303
    assert (await client.get("/")).status_code == 401


async def test_a_session_of_another_role_sees_what_its_role_sees(client: httpx.AsyncClient) -> None:
    await client.get("/enter", params={"token": token(role="officer")})

    assert (await client.get("/")).status_code == 403


def forged(
    *, secret: bytes = SECRET, alg: str = "HS256", typ: str = SESSION_TYPE, **claims: object
) -> str:
    whole = {
        "org": "COMMITTEE", "role": "analyst", "aud": "reporting", "iat": int(NOON.timestamp()),
        "exp": int(NOON.timestamp()) + 60, **claims,
    }  # fmt: skip
    key = OctKey.import_key(secret)
    return jwt.encode({"alg": alg, "typ": typ}, whole, key, algorithms=[alg])


async def test_the_forger_of_these_tests_makes_good_cookies_when_it_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    client.cookies.set("siraba_reporting", forged())

    assert (await client.get("/")).status_code == 200


@pytest.mark.parametrize(
    "cookie",
    [
        forged(secret=b"x" * 32),
        forged(alg="HS512"),
        forged(typ="JWT"),
        forged(aud="intake"),
        forged(iat=None),
        forged(iat=int(NOON.timestamp()) - 8 * 3600),
        forged(role="admin"),
        forged(role=["analyst"]),
        forged(org=None),
        forged(exp="tomorrow"),
        forged(exp=None),
        token(),
        "a.b.c",
        "x",
    ],
)
async def test_a_forged_cookie_opens_nothing(client: httpx.AsyncClient, cookie: str) -> None:
    client.cookies.set("siraba_reporting", cookie)

    assert (await client.get("/")).status_code == 401


async def test_a_program_comes_by_its_bearer_token(client: httpx.AsyncClient) -> None:
    good = await client.get("/figures", headers={"authorization": f"Bearer {token()}"})
    other = await client.get("/figures", headers={"authorization": f"Basic {token()}"})
    none = await client.get("/figures")

    assert good.json() == "COMMITTEE analyst"
    assert [response.json()["code"] for response in (other, none)] == ["token_missing"] * 2


def test_a_short_secret_is_refused_and_never_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sessions(b"short", service="reporting")

    assert "ssss" not in repr(Sessions(SECRET, service="reporting"))
