"""The plain chain's tables, one schema a service, as SQLAlchemy's ORM declares them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import Text


class Model(DeclarativeBase):
    """Text without a length, and times with a zone."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        str: Text(),
        bytes: LargeBinary(),
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
    }


class Outbox:
    """A message that waits for the relay; each service has its own table."""

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:
        """Only what waits is indexed."""
        waiting = Index(None, "position", postgresql_where=text("sent_at is null"))
        return (waiting, {"schema": cls.schema})  # type: ignore[attr-defined]  # set by each subclass

    position: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    stream: Mapped[str]
    nats_subject: Mapped[str]
    headers: Mapped[dict[str, Any]]
    trace: Mapped[dict[str, Any]]
    body: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    sent_at: Mapped[datetime | None]


class Inbox:
    """A message whose effect has been had."""

    consumer: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class IntakeOutbox(Outbox, Model):
    """What intake has to say."""

    schema = "intake"
    __tablename__ = "outbox"


class ReferralOutbox(Outbox, Model):
    """What referral has to say."""

    schema = "referral"
    __tablename__ = "outbox"


class IntakeInbox(Inbox, Model):
    """What intake has taken."""

    __tablename__ = "inbox"
    __table_args__ = ({"schema": "intake"},)


class ReferralInbox(Inbox, Model):
    """What referral has taken."""

    __tablename__ = "inbox"
    __table_args__ = ({"schema": "referral"},)


class ReportingInbox(Inbox, Model):
    """What reporting has taken."""

    __tablename__ = "inbox"
    __table_args__ = ({"schema": "reporting"},)


class Caller(Model):
    """An organisation that may call intake."""

    __tablename__ = "organisations"
    __table_args__ = ({"schema": "intake"},)

    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    signing_key: Mapped[str]


class Case(Model):
    """A case as its owner registered it."""

    __tablename__ = "cases"
    __table_args__ = (Index(None, "owner", "registered_at"), {"schema": "intake"})

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str]
    registered_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]


class Dossier(Model):
    """One encrypted section."""

    __tablename__ = "dossiers"
    __table_args__ = ({"schema": "intake"},)

    case_id: Mapped[UUID] = mapped_column(ForeignKey("intake.cases.case_id"), primary_key=True)
    section: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    nonce: Mapped[bytes]
    ciphertext: Mapped[bytes]


class Idempotency(Model):
    """The answer a key got."""

    __tablename__ = "idempotency"
    __table_args__ = ({"schema": "intake"},)

    organisation: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes]
    answer: Mapped[dict[str, Any]]


class Step(Model):
    """What the owner sees of its case's referrals."""

    __tablename__ = "steps"
    __table_args__ = ({"schema": "intake"},)

    referral_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(index=True)
    organisation: Mapped[str]
    service: Mapped[str]
    at: Mapped[datetime]


class Disclosure(Model):
    """The receipt of what one recipient was shown."""

    __tablename__ = "disclosures"
    __table_args__ = ({"schema": "intake"},)

    receipt_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("intake.cases.case_id"), index=True)
    referral_id: Mapped[UUID] = mapped_column(index=True)
    organisation: Mapped[str]
    organisation_kind: Mapped[str]
    service: Mapped[str]
    purpose: Mapped[str]
    stage: Mapped[str]
    ground: Mapped[str]
    policy_version: Mapped[str]
    fields: Mapped[list[str]]
    digest: Mapped[bytes]
    released_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Organisation(Model):
    """An entry of the directory."""

    __tablename__ = "organisations"
    __table_args__ = ({"schema": "referral"},)

    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    region: Mapped[str]
    zones: Mapped[list[str]]
    services: Mapped[list[str]]


class KnownCase(Model):
    """A case as referral knows it."""

    __tablename__ = "cases"
    __table_args__ = ({"schema": "referral"},)

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner: Mapped[str]
    facts: Mapped[dict[str, Any]]


class Referral(Model):
    """One service asked of one organisation."""

    __tablename__ = "referrals"
    __table_args__ = (Index(None, "organisation", "state"), {"schema": "referral"})

    referral_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("referral.cases.case_id"), index=True)
    owner: Mapped[str]
    organisation: Mapped[str]
    organisation_kind: Mapped[str]
    service: Mapped[str]
    urgency: Mapped[str]
    ground: Mapped[str]
    rank: Mapped[int]
    state: Mapped[str]
    offered_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class CaseFact(Model):
    """What reporting counts of a case."""

    __tablename__ = "facts_cases"
    __table_args__ = ({"schema": "reporting"},)

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner: Mapped[str]
    registered_on: Mapped[date]
    detected_on: Mapped[date] = mapped_column(index=True)
    region: Mapped[str | None]
    sex: Mapped[str]
    age_band: Mapped[str]
    citizenship: Mapped[list[str]]
    exploitation: Mapped[list[str]]
    offence_class: Mapped[str]
    victim_status: Mapped[str]
    detection_channel: Mapped[str]
    recorded_at: Mapped[datetime]


class ReferralFact(Model):
    """What reporting counts of a referral."""

    __tablename__ = "facts_referrals"
    __table_args__ = ({"schema": "reporting"},)

    referral_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    service: Mapped[str]
    organisation: Mapped[str]
    organisation_kind: Mapped[str]
    urgency: Mapped[str]
    region: Mapped[str]
    rank: Mapped[int]
    ground: Mapped[str]
    offered_at: Mapped[datetime] = mapped_column(index=True)


class StepFact(Model):
    """What reporting counts of a step."""

    __tablename__ = "facts_referral_steps"
    __table_args__ = ({"schema": "reporting"},)

    referral_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
