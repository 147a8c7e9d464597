import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import pytest
from fastapi import Body, FastAPI, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from chassis.web import Refusal, form_key, key_missing, problem, web_app
from chassis.web.app import BODY_LIMIT
from contracts.callers import RoleForbidden, TokenExpired, UnknownIssuer
from contracts.vocabulary import Term

CANARY = "Aminata-Traoré-66012345"


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sex: Annotated[str, Term("sex")]
    age: int = Field(ge=0, le=120)
    note: Literal["first", "again"] = "first"
    needs: dict[str, int] = {}
    dossier: dict[Literal["identity", "contact"], int] = {}


class Case(BaseModel):
    persons: list[Person] = Field(min_length=1, max_length=2)


def an_app() -> FastAPI:
    app = web_app(title="A service", prefix="/a")

    @app.post("/cases")
    async def register(case: Case, idempotency_key: Annotated[str, Header()]) -> dict[str, str]:
        return {"state": "registered"}

    @app.get("/people/{number}")
    async def person(number: int) -> int:
        return number

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.post("/text")
    async def text(body: Annotated[str, Body(media_type="text/plain")]) -> int:
        return len(body)

    @app.get("/raise/{what}")
    async def fail(what: str) -> None:
        raise {
            "fault": ValueError(CANARY),
            "expired": TokenExpired(),
            "foreign": UnknownIssuer(),
            "role": RoleForbidden(),
            "other-role": RoleForbidden("data_officer", "analyst"),
            "keyless": key_missing("idempotency-key", "header"),
            "conflict": Refusal(
                409, "key_reused", "Another body", detail="Same key.", headers={"X-A": "b"}
            ),
        }[what]

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(an_app()), base_url="http://a"
    ) as client:
        yield client


async def post_case(
    client: httpx.AsyncClient, case: object, *, key: str | None = "k1", **headers: str
) -> httpx.Response:
    content = case if isinstance(case, bytes) else json.dumps(case).encode()
    given = {"content-type": "application/json", **headers}
    if key:
        given["idempotency-key"] = key
    response: httpx.Response = await client.post("/cases", content=content, headers=given)
    return response


def a_case(**changes: object) -> dict[str, object]:
    return {"persons": [{"sex": "female", "age": 14, **changes}]}


async def test_a_good_request_passes(client: httpx.AsyncClient) -> None:
    response = await post_case(client, a_case())

    assert (response.status_code, response.json()) == (200, {"state": "registered"})


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    answer = problem(409, "key_reused", "Another body", detail="Same key.")

    assert answer.media_type == "application/problem+json"
    assert json.loads(bytes(answer.body)) == {
        "type": "urn:siraba:problem:key_reused",
        "title": "Another body",
        "status": 409,
        "code": "key_reused",
        "detail": "Same key.",
    }


async def test_an_unknown_code_is_refused_by_list_with_the_codes_that_would_do(
    client: httpx.AsyncClient,
) -> None:
    response = await post_case(client, a_case(sex=CANARY))

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"] == [
        {
            "field": "persons.0.sex",
            "rule": "unknown_code",
            "place": "body",
            "list": "sex",
            "allowed": ["female", "male", "unknown"],
        }
    ]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            a_case(age=200),
            {"field": "persons.0.age", "rule": "less_than_equal", "limit": {"le": 120}},
        ),
        (a_case(age=CANARY), {"field": "persons.0.age", "rule": "int_parsing"}),
        (
            a_case(note=CANARY),
            {"field": "persons.0.note", "rule": "literal_error", "allowed": ["first", "again"]},
        ),
        ({"persons": []}, {"field": "persons", "rule": "too_short", "limit": {"min_length": 1}}),
        ({}, {"field": "persons", "rule": "missing"}),
        ([CANARY], {"field": "body", "rule": "model_attributes_type"}),
        (a_case(**{CANARY: 1}), {"field": "persons.0.*", "rule": "extra_forbidden"}),
        (a_case(needs={CANARY: "x"}), {"field": "persons.0.needs.*", "rule": "int_parsing"}),
        (
            a_case(dossier={"contact": CANARY}),
            {"field": "persons.0.dossier.contact", "rule": "int_parsing"},
        ),
        (
            a_case(dossier={CANARY: 1}),
            {
                "field": "persons.0.dossier.*.[key]",
                "rule": "literal_error",
                "allowed": ["identity", "contact"],
            },
        ),
    ],
)
async def test_a_broken_rule_is_named_and_no_value_repeated(
    client: httpx.AsyncClient, case: object, expected: dict[str, object]
) -> None:
    response = await post_case(client, case)

    assert response.status_code == 422
    assert response.json()["errors"] == [{**expected, "place": "body"}]
    assert "Aminata" not in response.text


async def test_a_missing_header_is_named(client: httpx.AsyncClient) -> None:
    response = await post_case(client, a_case(), key=None)

    assert response.json()["errors"] == [
        {"field": "idempotency-key", "rule": "missing", "place": "header"}
    ]


async def test_a_wrong_path_value_is_not_repeated(client: httpx.AsyncClient) -> None:
    response = await client.get(f"/people/{CANARY}")

    assert response.json()["errors"] == [
        {"field": "number", "rule": "int_parsing", "place": "path"}
    ]
    assert "Aminata" not in response.text


@pytest.mark.parametrize(
    "body", [b'{"persons": [', CANARY.encode(), b"\xff\xfe", b"[" * 100_000, b"{'a': 1}"]
)
async def test_what_is_not_json_is_malformed(client: httpx.AsyncClient, body: bytes) -> None:
    response = await post_case(client, body)

    assert response.status_code == 400
    assert response.json()["code"] in ("malformed_json", "bad_request")
    assert "Aminata" not in response.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_of_another_media_type_is_refused(
    client: httpx.AsyncClient, kind: str
) -> None:
    response = await post_case(client, a_case(), **{"content-type": kind})

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


async def test_no_body_at_all_is_a_missing_body(client: httpx.AsyncClient) -> None:
    response = await client.post("/cases", headers={"idempotency-key": "k1"})

    assert (response.status_code, response.json()["errors"][0]["rule"]) == (422, "missing")


@pytest.mark.parametrize("path", ["/cases", "/raw", "/nowhere"])
async def test_a_body_that_says_it_is_too_large_is_refused_at_once(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.post(path, content=b"x" * (2 * BODY_LIMIT))

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/cases", "/raw"])
async def test_a_body_of_unknown_length_is_refused_as_it_grows(path: str) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b"x" * 64 * 1024

    transport = httpx.ASGITransport(an_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
        headers = {"content-type": "application/json", "idempotency-key": "k1"}
        response = await client.post(path, content=chunks(), headers=headers)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert sent <= 18


async def test_a_body_of_just_the_limit_passes(client: httpx.AsyncClient) -> None:
    assert (await client.post("/raw", content=b"x" * BODY_LIMIT)).json() == BODY_LIMIT


async def test_a_length_that_is_no_number_is_a_bad_request(client: httpx.AsyncClient) -> None:
    response = await client.post("/raw", content=b"", headers={"content-length": "-5"})

    assert response.status_code == 400


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("expired", 401, "token_expired"),
        ("foreign", 401, "unknown_issuer"),
        ("role", 403, "role_forbidden"),
        ("keyless", 400, "idempotency_key_missing"),
        ("conflict", 409, "key_reused"),
    ],
)
async def test_each_refusal_has_its_status_and_code(
    client: httpx.AsyncClient, what: str, status: int, code: str
) -> None:
    response = await client.get(f"/raise/{what}")

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert (response.headers.get("www-authenticate") == "Bearer") == (status == 401)


async def test_whoever_has_another_role_is_told_which_may(client: httpx.AsyncClient) -> None:
    [broken] = (await client.get("/raise/other-role")).json()["errors"]
    page = await client.get("/raise/other-role", headers={"accept": "text/html"})

    assert (broken["field"], broken["allowed"]) == ("role", ["analyst", "data_officer"])
    assert "Elle est destinée à : Analyste, Responsable des données" in page.text


async def test_what_comes_without_its_key_is_told_where_it_belongs(
    client: httpx.AsyncClient,
) -> None:
    answer = (await client.get("/raise/keyless")).json()
    expected = {"field": "idempotency-key", "rule": "required", "place": "header"}
    assert answer["errors"] == [expected]


@pytest.mark.parametrize("said", [{}, {"key": ""}, {"key": "x"}, {"key": [CANARY]}])
def test_a_form_is_known_by_the_key_of_its_page_alone(said: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refused:
        form_key(said)
    answer = refused.value
    assert (answer.status, answer.code) == (400, "idempotency_key_missing")
    assert answer.errors == [{"field": "key", "rule": "required", "place": "body"}]
    assert answer.__suppress_context__
    made = UUID(int=7)
    assert form_key(said | {"key": str(made)}) == made


async def test_a_refusal_may_carry_headers_and_detail(client: httpx.AsyncClient) -> None:
    response = await client.get("/raise/conflict")

    assert (response.headers["x-a"], response.json()["detail"]) == ("b", "Same key.")


async def test_an_unexpected_error_shows_and_logs_nothing_of_what_it_said(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.get("/raise/fault")

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "Aminata" not in response.text
    [record] = [record for record in caplog.records if record.name == "siraba.web"]
    logged = record.__dict__
    assert (record.getMessage(), logged["error_type"]) == ("request.failed", "ValueError")
    assert logged["where"].startswith("tests/chassis/test_web.py:")
    assert record.exc_info is None
    assert "Aminata" not in str(logged)


@pytest.mark.parametrize("comes", [b"", b"half"])
async def test_whoever_is_cut_off_in_the_middle_of_a_request_is_no_fault_of_ours(
    comes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    left = [{"type": "http.request", "body": comes, "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return left.pop(0) if left else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/a/raw", "root_path": "", "query_string": b"",
        "headers": [], "http_version": "1.1", "scheme": "http", "server": ("a", 80),
    }  # fmt: skip
    await an_app()(scope, receive, send)

    assert sent == []
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.parametrize(("method", "path", "code"), [
    ("GET", "/nowhere", "not_found"), ("DELETE", "/cases", "method_not_allowed"),
])  # fmt: skip
async def test_paths_and_methods_nobody_serves_are_problems_too(
    client: httpx.AsyncClient, method: str, path: str, code: str
) -> None:
    assert (await client.request(method, path)).json()["code"] == code


@pytest.mark.parametrize(
    "path",
    ["/people/1", "/people/x", "/nowhere", "/raise/fault", "/openapi.json", "/static/siraba.css"],
)
async def test_every_answer_carries_the_security_headers(
    client: httpx.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "geolocation=()" in headers["permissions-policy"]
    expected = "public, max-age=3600" if path.startswith("/static") else "no-store"
    assert headers["cache-control"] == expected
    assert "strict-transport-security" not in headers


async def test_behind_tls_the_browser_is_told_to_stay_there() -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(an_app()), base_url="https://a"
    ) as client:
        assert "strict-transport-security" in (await client.get("/people/1")).headers


async def test_the_app_answers_with_and_without_its_front_prefix(client: httpx.AsyncClient) -> None:
    assert (await client.get("/people/1")).json() == (await client.get("/a/people/1")).json() == 1
    assert (await client.get("/a/static/siraba.css")).status_code == 200


async def test_the_schema_is_served_and_the_pages_that_load_from_afar_are_not(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()

    assert (
        "application/problem+json"
        in document["paths"]["/cases"]["post"]["responses"]["4XX"]["content"]
    )
    assert "422" not in document["paths"]["/cases"]["post"]["responses"]
    assert [(await client.get(path)).status_code for path in ("/docs", "/redoc")] == [404, 404]
