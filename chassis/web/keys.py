"""The key that a form or a request comes with: without it a repeat would count as something new."""

from collections.abc import Mapping
from uuid import UUID

from chassis.web.problems import Refusal, Violation


def form_key(said: Mapping[str, object]) -> UUID:
    """The key that was made with the form's page. Raises Refusal."""
    try:
        return UUID(str(said.get("key")))
    except ValueError:
        raise key_missing() from None


def key_missing(field: str = "key", place: str = "body") -> Refusal:
    """For what came without its key, or with one that was never made."""
    return Refusal(
        400,
        "idempotency_key_missing",
        "The idempotency key is missing",
        errors=[Violation(field=field, rule="required", place=place)],
    )
