"""The OpenAPI document of each service, asked of its app over a state that is thrown away."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from chassis.settings import ServiceSettings
from deploy.keys import seed_file
from deploy.platform import make_secrets
from deploy.state import State
from services.intake.app import create_app as create_intake
from services.intake.settings import IntakeSettings
from services.referral.app import create_app as create_referral
from services.referral.settings import ReferralSettings
from services.reporting.app import create_app as create_reporting
from services.reporting.settings import ReportingSettings

S = TypeVar("S", bound=ServiceSettings)
#: Never asked: an app connects when it is served, and these are not.
_NOWHERE: Final = SecretStr("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")


def openapi_documents() -> dict[str, dict[str, Any]]:
    """Service → its document."""
    with TemporaryDirectory(prefix="siraba-catalogue-") as folder:
        state = State(Path(folder))
        state.prepare()
        make_secrets(state, now=datetime.now(UTC))
        return {
            "intake": create_intake(
                _settings(IntakeSettings, state, "intake", vault_dir=state.vault)
            ).openapi(),
            "referral": create_referral(_settings(ReferralSettings, state, "referral")).openapi(),
            "reporting": create_reporting(
                _settings(ReportingSettings, state, "reporting")
            ).openapi(),
        }


def _settings(of: type[S], state: State, service: str, **own: Any) -> S:
    return of(
        **own,
        nats_url="nats://127.0.0.1:1",
        nats_seed_file=seed_file(state, service),
        nats_ca_file=None,
        database_url_web=_NOWHERE,
        database_url_work=_NOWHERE,
        secrets_dir=state.secrets,
        otlp_endpoint=None,
        witnesses=(),
        pool_size=2,
        secure_cookies=True,
    )
