"""Passes that nobody should believe, each with what is wrong with it."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from contracts.callers import Caller
from contracts.keyring import encode_base64url
from contracts.passes import LIFETIME, Pass, issue_pass
from contracts.signing import Signer
from tests.signing import private_key

WHO = Pass(
    caller=Caller("SHELTER_B", "focal_point", "p1"),
    signed_in_at=datetime.fromisoformat("2026-11-24T12:00Z"),
    form="f" * 64,
)


def forged(now: datetime, signer: Signer) -> Iterator[tuple[str, str]]:
    """Name and text of each; `signer` is referral's own key."""
    good = issue_pass(WHO, audience="intake", now=now, signer=signer)
    payload, _, signature = good.partition(".")
    said: dict[str, Any] = {
        "org": "SHELTER_B", "role": "focal_point", "sub": "p1", "aud": "intake",
        "iat": now.timestamp(), "auth": now.timestamp(), "form": "f",
    }  # fmt: skip
    yield from {
        "empty": "", "dots": "...", "no signature": payload, "empty signature": f"{payload}.",
        "signature alone": f".{signature}", "text": "focal_point", "long": "a" * 10_000,
        "other spelling": f"{payload}=.{signature}", "lower case": good.lower(),
        "cut": good[:-1], "more": f"{good}A", "space": f" {good}", "twice": f"{good}.{good}",
        "not base64": f"!!{payload}.{signature}", "null": f"bnVsbA.{signature}",
        "a branch": f"{good}.0.1.", "other suite": good.replace("siraba-1", "siraba-2"),
        "none": f"{payload}.none.{signature.partition('.')[2]}",
    }.items()  # fmt: skip
    changes: dict[str, dict[str, Any]] = {
        "role": {"role": "operator"}, "organisation": {"org": "POLICE_A"},
        "audience": {"aud": "reporting"}, "person": {"sub": "p2"}, "later": {"iat": 9e9},
        "fresh": {"auth": 9e9}, "list": {"aud": ["intake"]}, "nobody": {"aud": None}, "more claims": {"admin": True},
    }  # fmt: skip
    for name, change in changes.items():
        changed = encode_base64url(json.dumps(said | change).encode())
        yield f"changed {name}", f"{changed}.{signature}"
    yield from _signed_otherwise(now, signer, good=good, said=said)
    yield from _said_wrongly(now, signer)


def _signed_otherwise(
    now: datetime, signer: Signer, *, good: str, said: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """By others, or as something else."""
    stranger = Signer(private_key("STRANGER"))
    yield "unknown key", issue_pass(WHO, audience="intake", now=now, signer=stranger)
    yield (
        "other service's key",
        issue_pass(WHO, audience="intake", now=now, signer=Signer(private_key("intake"))),
    )
    yield "named after ours", good[:-86] + "A" * 86
    for kind in ("event", "request", "receipt", "root", "key", "conformance"):
        raw = json.dumps(said).encode()
        yield f"signed as {kind}", f"{encode_base64url(raw)}.{signer.sign(raw, kind=kind)}"


def _said_wrongly(now: datetime, signer: Signer) -> Iterator[tuple[str, str]]:
    """Truly signed, and not for here, not for now, or for nobody there can be."""
    for name, made in {
        "over": now - LIFETIME, "of yesterday": now - timedelta(days=1),
        "of tomorrow": now + timedelta(days=1), "ahead": now + LIFETIME * 1.1,
    }.items():  # fmt: skip
        yield name, issue_pass(WHO, audience="intake", now=made, signer=signer)
    for name, caller in {
        "no role": Caller("SHELTER_B", "", "p1"), "a made up role": Caller("SHELTER_B", "root", "p1"),
        "no person": Caller("SHELTER_B", "officer", ""), "small code": Caller("shelter", "officer", "p1"),
        "a long person": Caller("SHELTER_B", "officer", "p" * 65),
    }.items():  # fmt: skip
        one = Pass(caller=caller, signed_in_at=now, form="f")
        yield name, issue_pass(one, audience="intake", now=now, signer=signer)
    for audience in ("reporting", "referral", "", "Intake", "intake "):
        yield (
            f"for {audience!r}",
            issue_pass(WHO, audience=audience, now=now, signer=signer),
        )
