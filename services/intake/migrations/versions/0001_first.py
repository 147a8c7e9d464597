"""Cases, dossiers, idempotency, and what intake keeps of the directory and of referrals."""

from importlib.resources import files

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table organisations (
    code text primary key,
    kind text not null,
    signing_key text
);

create table cases (
    case_id uuid primary key,
    number text not null unique,
    owner text not null,
    registered_at timestamptz not null,
    facts jsonb not null
);
create index cases_owner on cases (owner, registered_at desc);

create table dossiers (
    case_id uuid not null references cases,
    section text not null,
    version int not null,
    nonce bytea not null,
    ciphertext bytea not null,
    primary key (case_id, section, version)
);

create table idempotency (
    organisation text not null,
    key text not null,
    digest bytea not null,
    answer jsonb not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (organisation, key)
);

create table steps (
    referral_id uuid not null,
    step text not null,
    case_id uuid not null,
    organisation text not null,
    service text not null,
    at timestamptz not null,
    reason text,
    primary key (referral_id, step)
);
create index steps_case on steps (case_id);

create table unplaced (
    case_id uuid not null,
    service text not null,
    reason text not null,
    at timestamptz not null,
    primary key (case_id, service)
);

alter table cases enable row level security;
alter table cases force row level security;
alter table steps enable row level security;
alter table steps force row level security;
alter table unplaced enable row level security;
alter table unplaced force row level security;
create policy work on cases to intake_work using (true) with check (true);
create policy work on steps to intake_work using (true) with check (true);
create policy work on unplaced to intake_work using (true) with check (true);
create policy own on cases for select to intake_web
    using (current_setting('siraba.org', true) = owner);
create policy own on steps for select to intake_web
    using (exists (select from cases where cases.case_id = steps.case_id));
create policy own on unplaced for select to intake_web
    using (exists (select from cases where cases.case_id = unplaced.case_id));

-- The operator's trace may turn a number into the id that spans carry, and nothing more.
create policy numbers on cases for select to siraba_ops using (true);
grant select (case_id, number) on cases to siraba_ops;

grant select, insert, update, delete on all tables in schema intake to intake_work;
grant select on organisations, cases, steps, unplaced to intake_web;
grant select on outbox, dead_letters, parked, spans to siraba_ops;
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(files("chassis").joinpath("mechanisms.sql").read_text())
    op.execute(TABLES)


def downgrade() -> None:
    """There is nothing before the first."""
    raise RuntimeError("restore a backup instead")
