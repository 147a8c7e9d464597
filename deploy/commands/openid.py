"""`siraba openid`: an institution's sign-in that is none, on this machine, to try ours with."""

import json
import os
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Annotated, Final

import typer

from deploy.commands.context import failing_clearly
from deploy.embedded.processes import ServerError, free_port
from services.referral.use_cases.inviting import PEOPLE

MODULE: Final = "oidc_provider_mock"
_PERSON: Final = re.compile(r"([A-Z0-9_]{1,24}):([a-z_]{1,20})", re.ASCII)
#: Of the directory that comes with us.
SOME: Final = (
    "GEND_KITA:officer", "GEND_KITA:focal_point", "SHELTER_SUTURA_KITA:focal_point",
    "CNLTPPA:data_officer",
)  # fmt: skip


@failing_clearly
def openid(
    people: Annotated[
        list[str] | None,
        typer.Argument(help="CODE:role each (default: four of the directory that comes with us)."),
    ] = None,
    *,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1 (0 for any).")] = 9400,
) -> None:
    """Pretend to be an institution that signs its people in by OpenID Connect.

    For trying alone: it listens on this machine only, asks for no password,
    and whoever reaches it may be anybody. A platform that is told of it lets
    them in. Ctrl-C ends it; nothing is kept.

    Examples:

      siraba openid

      SIRABA_OIDC_ISSUER=http://127.0.0.1:9400 SIRABA_OIDC_CLIENT_SECRET=any siraba up

      siraba openid HOPITAL_KAYES:focal_point --port 9500
    """
    if find_spec(MODULE) is None:
        raise ServerError("oidc-provider-mock is not here: it comes with what the tests need")
    told = [claims_of(one) for one in people or SOME]
    chosen = free_port(port)
    for one in told:
        typer.echo(f"{one['sub']} is {one['siraba_role']} of {one['siraba_organisation']}")
    issuer = f"SIRABA_OIDC_ISSUER=http://127.0.0.1:{chosen}"
    typer.echo(f"To try it: {issuer} SIRABA_OIDC_CLIENT_SECRET=any siraba up")
    sys.stdout.flush()
    os.execv(sys.executable, command(chosen, told))  # noqa: S606 - our own interpreter, no shell


def command(port: int, people: Sequence[dict[str, str]]) -> list[str]:
    """The provider's own command, that knows these people and is reached from this machine alone."""
    claims = [word for one in people for word in ("--user-claims", json.dumps(one))]
    listen = ["--host", "127.0.0.1", "--port", str(port), "--require-nonce", "true"]
    return [sys.executable, "-W", "ignore", "-m", MODULE, *listen, *claims]


def claims_of(person: str) -> dict[str, str]:
    """What the institution says of somebody. Raises ServerError for what is no CODE:role."""
    found = _PERSON.fullmatch(person)
    if found is None or found[2] not in PEOPLE:
        raise ServerError(f"{person}: must be CODE:role, with a role of {' '.join(PEOPLE)}")
    code, role = found.groups()
    return {"sub": f"{role}@{code}", "siraba_organisation": code, "siraba_role": role}
