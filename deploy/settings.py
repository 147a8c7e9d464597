"""What an operator may tell `siraba`: the only reader of the environment in `deploy`."""

import os
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.line import Server, is_loopback

_Port = Annotated[int, Field(ge=0, le=65535)]
_ADMINISTRATION: Final = "SIRABA_DATABASE_ADMIN_URL"
_DIRECTORY: Final = Path(__file__).parent / "directory" / "mali.yaml"
_BEHIND_TLS: Final = "True behind TLS, without which nothing listens beyond loopback."


def _only_behind_tls(secure: bool, beside: ValidationInfo) -> bool:
    """Whoever is reached from elsewhere gives no session to a browser that may send it in the clear.

    Raises PydanticCustomError, which names what to set.
    """
    address = beside.data.get("front_bind", beside.data.get("bind"))
    if address is not None and not secure and not is_loopback(address):
        raise PydanticCustomError(
            "behind_tls",
            "who listens beyond loopback stands behind TLS: set SIRABA_SECURE_COOKIES=true there, "
            "or listen on 127.0.0.1",
        )
    return secure


class PlatformSettings(BaseSettings):
    """Read from `SIRABA_*`. A port of 0 means any free one."""

    model_config = SettingsConfigDict(
        env_prefix="SIRABA_", extra="ignore", hide_input_in_errors=True
    )

    state_dir: Path = Field(Path(".siraba"), description="Folder for everything that is kept.")
    front_bind: str = Field("127.0.0.1", description="Address people and programs open.")
    front_port: _Port = Field(8400, description="Its port.")
    secure_cookies: bool = Field(False, description=_BEHIND_TLS)
    nats_port: _Port = Field(8422, description="Port of the embedded NATS, for the partners.")
    postgres_port: _Port = Field(0, description="Port of the embedded PostgreSQL.")
    nats_url: str | None = Field(None, description="An external NATS 2.15+ instead.")
    nats_ca_file: Path | None = Field(
        None, description="PEM file of the authority that vouches for it; its line is encrypted."
    )
    nats_include_dir: Path | None = Field(
        None,
        description="Folder from which an external NATS includes its accounts; what `siraba "
        "provision --emit` writes is kept up to date there.",
    )
    front_url: str | None = Field(
        None, description="Address people and programs open, where `siraba front` serves it."
    )
    database_admin_url: SecretStr | None = Field(
        None,
        description="An external PostgreSQL 15+ instead, as a role that may make roles and "
        "databases: postgresql+asyncpg://user:password@host/postgres. The password may lie in a "
        "file that PGPASSFILE names instead.",
    )
    backup_dir: Path | None = Field(
        None,
        description="Folder on another disk: each commit of the embedded PostgreSQL is there before "
        "it is answered, and `siraba backup take` writes there.",
    )
    directory_file: Path = Field(_DIRECTORY, description="The organisations, as YAML.")

    _behind_tls = field_validator("secure_cookies")(_only_behind_tls)

    @model_validator(mode="after")
    def _line_may_be_used(self) -> Self:
        if self.nats_url is not None:
            Server(self.nats_url, self.nats_ca_file)  # ValueError where it would be in the clear
        return self

    @property
    def embedded_nats(self) -> bool:
        """Whether we run the server ourselves."""
        return self.nats_url is None

    @property
    def embedded_postgres(self) -> bool:
        """Whether we run the server ourselves."""
        return self.database_admin_url is None


class RunSettings(BaseSettings):
    """Where `siraba run` listens; the service itself reads the rest."""

    model_config = SettingsConfigDict(
        env_prefix="SIRABA_", extra="ignore", hide_input_in_errors=True
    )

    bind: str = Field("127.0.0.1", description="Address the service listens on.")
    port: _Port = Field(8401, description="Port the service listens on.")
    secure_cookies: bool = Field(False, description=_BEHIND_TLS)

    _behind_tls = field_validator("secure_cookies")(_only_behind_tls)


class MetricsSettings(BaseSettings):
    """Where `siraba metrics` listens, and what it cannot learn from a platform's state folder."""

    model_config = SettingsConfigDict(
        env_prefix="SIRABA_", extra="ignore", hide_input_in_errors=True
    )

    metrics_bind: str = Field("127.0.0.1", description="Address that Prometheus scrapes.")
    metrics_port: _Port = Field(8410, description="Its port.")
    metrics_token_file: Path | None = Field(
        None,
        description="File with the token that Prometheus presents; without it, it is made among "
        "the state's secrets.",
    )
    service_urls: dict[str, str] = Field(
        {}, description="Where services that are run by themselves answer, as a JSON object."
    )
    nats_monitor_url: str | None = Field(
        None, description="Base URL of an external NATS's monitoring port, such as its loopback."
    )


class FrontSettings(BaseSettings):
    """Between which services `siraba front` chooses."""

    model_config = SettingsConfigDict(
        env_prefix="SIRABA_", extra="ignore", hide_input_in_errors=True
    )

    service_urls: dict[str, str] = Field(
        description="Where each service answers, as a JSON object of URLs by name."
    )


def inherited_environment() -> dict[str, str]:
    """What children inherit: everything but the right to administer the database."""
    return {name: value for name, value in os.environ.items() if name != _ADMINISTRATION}
