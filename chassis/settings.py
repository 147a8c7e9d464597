"""What every service must be told; the only reader of the environment besides a service's own."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.line import Server


class ServiceSettings(BaseSettings):
    """Read from `SIRABA_*`; `deploy` sets them for the embedded platform."""

    model_config = SettingsConfigDict(
        env_prefix="SIRABA_", extra="ignore", hide_input_in_errors=True
    )

    nats_url: str = Field("nats://127.0.0.1:4222", description="Address of the NATS server.")
    nats_seed_file: Path = Field(description="File with this service's nkey seed, mode 0600.")
    nats_ca_file: Path | None = Field(
        None,
        description="PEM file of the authority that vouches for the NATS server. With this, or an "
        "address tls://…, the line is encrypted or there is none; without this, the system's "
        "authorities are believed.",
    )
    database_url_web: SecretStr = Field(description="PostgreSQL URL of the role <service>_web.")
    database_url_work: SecretStr = Field(description="PostgreSQL URL of the role <service>_work.")
    secrets_dir: Path = Field(description="Folder with the platform's keys, mode 0700.")
    otlp_endpoint: str | None = Field(
        None, description="Base URL of an OTLP/HTTP backend that gets the spans too."
    )
    witnesses: tuple[str, ...] = Field(
        (), description="Codes of the organisations that keep our daily roots, as a JSON list."
    )
    pool_size: Annotated[int, Field(ge=2)] = Field(10, description="Connections per role.")
    secure_cookies: bool = Field(False, description="True behind TLS: cookies only over HTTPS.")

    @model_validator(mode="after")
    def _line_may_be_used(self) -> Self:
        _ = self.nats  # ValueError where it would be in the clear
        return self

    @property
    def nats(self) -> Server:
        """The server, and by whom its line is vouched for."""
        return Server(self.nats_url, self.nats_ca_file)
