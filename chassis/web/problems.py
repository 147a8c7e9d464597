"""Builds RFC 9457 problem answers that name field and rule and never repeat a value."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NotRequired, TypedDict

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class Violation(TypedDict):
    """One broken rule: where, which, and what would have been right."""

    field: str
    rule: str
    place: NotRequired[str]  # body, query, path, header or cookie
    list: NotRequired[str]  # the vocabulary list whose code was expected
    allowed: NotRequired[Sequence[str]]
    limit: NotRequired[Mapping[str, int | float]]


class Refusal(Exception):
    """Raised by an endpoint to answer with a problem; texts are ours, never the sender's."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        *,
        detail: str | None = None,
        errors: Sequence[Violation] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.title = status, code, title
        self.detail, self.errors, self.headers = detail, errors, headers

    def answer(self) -> JSONResponse:
        return problem(
            self.status,
            self.code,
            self.title,
            detail=self.detail,
            errors=self.errors,
            headers=self.headers,
        )


class Late(Exception):
    """A form came too late, and is kept for whoever it belongs to.

    kept: sealed, with the service in front that can open it; is_in: that person is signed in again.
    """

    def __init__(self, kept: str, *, is_in: bool) -> None:
        super().__init__("the session of this form is over")
        self.kept = kept
        self.is_in = is_in


def problem(
    status: int,
    code: str,
    title: str,
    *,
    detail: str | None = None,
    errors: Sequence[Violation] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Answer with `application/problem+json`; `code` is what programs should look at."""
    body: dict[str, Any] = {
        "type": f"urn:siraba:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
    }
    if detail is not None:
        body["detail"] = detail
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status, dict(headers or {}), media_type=MEDIA_TYPE)


def plain_refusal(status: int, headers: Mapping[str, str] | None = None) -> Refusal:
    """Make a problem of a bare HTTP status: 404 becomes `not_found`."""
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:  # its phrase differs between Pythons
        return Refusal(status, "body_too_large", "The body is too large", headers=headers)
    phrase = HTTPStatus(status).phrase
    return Refusal(status, phrase.lower().replace(" ", "_"), phrase, headers=headers)


def rules_broken(*broken: Violation) -> Refusal:
    """For a request that could be read and asks for what may not be."""
    return Refusal(
        422,
        "invalid_request",
        "The request breaks a rule",
        detail="Each error names a field and the rule it breaks.",
        errors=broken,
    )


def role_refusal(*allowed: str, detail: str | None = None) -> Refusal:
    """For a caller whose role may not do this; the roles that may are the same for everybody.

    detail: what else it takes, such as being of the committee.
    """
    violation = Violation(field="role", rule="allowed", list="role", allowed=sorted(allowed))
    return Refusal(
        403,
        "role_forbidden",
        "The caller's role may not do this",
        detail=detail,
        errors=[violation] if allowed else (),
    )


def committee_alone(*allowed: str) -> Refusal:
    """For whoever would need one of these roles at the national committee."""
    return role_refusal(*allowed, detail="Of the national committee alone.")


# What openapi.json says of every 4XX answer.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "rule"],
                "properties": {
                    "field": {"type": "string"},
                    "rule": {"type": "string"},
                    "place": {"enum": ["body", "query", "path", "header", "cookie"]},
                    "list": {"type": "string"},
                    "allowed": {"type": "array", "items": {"type": "string"}},
                    "limit": {"type": "object", "additionalProperties": {"type": "number"}},
                },
            },
        },
    },
}
