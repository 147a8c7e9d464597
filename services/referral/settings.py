"""What referral must be told."""

import os
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from chassis.notify import SPOOL, Carrier, Carriers, Mail, Sms, Spool
from chassis.settings import ServiceSettings
from chassis.web import Throttle
from services.referral.gateways.provider import Client, Provider, may_be_asked


class ReferralSettings(ServiceSettings):
    """The shared settings, where the key of the partners' HTTP door lies, and how people are told."""

    smtp_url: SecretStr | None = Field(
        None,
        description="Mail server for notices: smtp[s]://[user:password@]host[:port], smtp:// with "
        "STARTTLS. Without it, mail is kept in a folder.",
    )
    smtp_sender: str = Field("siraba@localhost", description="The address that notices come from.")
    sms_url: str | None = Field(
        None,
        description="SMS gateway for notices, https://. Without it, they are kept in a folder.",
    )
    sms_token: SecretStr | None = Field(None, description="Its bearer token.")
    oidc_issuer: str | None = Field(
        None,
        description="An institution's own sign-in (OpenID Connect): its issuer, https://. It says by "
        "two claims what organisation and role somebody has; without both nobody comes in.",
    )
    oidc_client_id: str = Field("siraba", description="What we are called there.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="What we prove it with; none where we are a public client there."
    )
    oidc_client_secret_file: Path | None = Field(
        None,
        description="A file with it instead, as containers have; an empty one is none.",
    )
    oidc_organisation_claim: str = Field(
        "siraba_organisation", description="The claim with the organisation's code."
    )
    oidc_role_claim: str = Field("siraba_role", description="The claim with the role.")
    wrong_logins_per_minute: int = Field(
        30,
        ge=1,
        description="Wrong tries to sign in that count from one address, ten times as many at once "
        "after a pause; many people may share one. Beyond, the answer is 429.",
    )

    def throttle(self) -> Throttle:
        """An address's share of wrong tries."""
        return Throttle(self.wrong_logins_per_minute / 60, 10.0 * self.wrong_logins_per_minute)

    @model_validator(mode="after")
    def _can_be_carried(self) -> Self:
        try:
            self.carriers()
        except ValueError as error:
            raise PydanticCustomError("carrier", "notices: {why}", {"why": str(error)}) from None
        return self

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        issuer = self.oidc_issuer
        if issuer is not None and not may_be_asked(issuer, by=issuer):
            raise PydanticCustomError("issuer", "oidc_issuer: must be https://, or on loopback")
        file = self.oidc_client_secret_file
        if issuer is not None and file is not None and not os.access(file, os.R_OK):
            raise PydanticCustomError("file", "oidc_client_secret_file: cannot be read")
        return self

    @property
    def door_seed_file(self) -> Path:
        """The nkey seed of the NATS user `door`, beside this service's own."""
        return self.nats_seed_file.with_name("nats-door.seed")

    def provider(self) -> Provider | None:
        """The institution's sign-in, if there is one."""
        if self.oidc_issuer is None:
            return None
        client = Client(
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id,
            secret=self._oidc_secret(),
            organisation_claim=self.oidc_organisation_claim,
            role_claim=self.oidc_role_claim,
        )
        return Provider(client)

    def _oidc_secret(self) -> str | None:
        if self.oidc_client_secret is not None:
            return self.oidc_client_secret.get_secret_value()
        file = self.oidc_client_secret_file
        return None if file is None else file.read_text("utf-8").strip() or None

    def carriers(self) -> Carriers:
        """By whom notices go; those of a medium without one are kept among the secrets."""
        by_medium: dict[str, Carrier] = {}
        if self.smtp_url is not None:
            by_medium["email"] = Mail.at(self.smtp_url.get_secret_value(), sender=self.smtp_sender)
        if self.sms_url is not None:
            token = None if self.sms_token is None else self.sms_token.get_secret_value()
            by_medium["sms"] = Sms.at(self.sms_url, token=token)
        return Carriers(Spool(self.secrets_dir / SPOOL), by_medium)
