"""Cases, dossiers, idempotency, and what intake keeps of the directory and of referrals."""

from importlib.resources import files

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table organisations (
    code text primary key,
    kind text not null,
    channel text not null
);

-- An erased case has no number: only its pseudonymous facts are left. A case that is merged into
-- another has that one's owner, and remembers its own.
create table cases (
    case_id uuid primary key,
    number text unique,
    owner text not null,
    registered_at timestamptz not null,
    facts jsonb not null,
    -- What of the facts is otherwise since somebody threatens the person; null where nobody does.
    heeded jsonb,
    first_owner text,
    merged_into uuid references cases check (merged_into <> case_id),
    -- When its owner next has to ask how the person is, by the database's clock, and since when the
    -- days are counted.
    followed_since timestamptz not null default clock_timestamp(),
    followup_due_at timestamptz default clock_timestamp() + interval '30 days',
    -- Since when nobody takes care of the person any more, and why; all of a person's cases alike.
    closed_at timestamptz,
    closure text,
    check ((closed_at is null) = (closure is null))
);
-- Nothing is looked for by them; to gather their statistics costs more than of all other columns.
alter table cases alter facts set statistics 0;
create index cases_followup on cases (followup_due_at);
create index cases_owner on cases (owner, registered_at desc);
create index cases_merged on cases (merged_into) where merged_into is not null;

-- By what a person is found again: blind tokens, each with its kind. Those of a new case wait here,
-- without an index to keep, until they have been searched for.
create table new_fingerprints (
    case_id uuid primary key,
    tokens bytea[] not null
);
create table fingerprints (
    case_id uuid primary key,
    tokens bytea[] not null
);
create index fingerprints_tokens on fingerprints using gin (tokens) with (fastupdate = off);

-- Two cases that may be of one person. The owners stand here as in `cases`, since neither may see
-- the other's row. child: the case that this pair has merged into `parent`.
create table duplicates (
    pair_id uuid primary key,
    earlier uuid not null references cases,
    later uuid not null references cases,
    earlier_owner text not null,
    earlier_first_owner text not null,
    later_owner text not null,
    later_first_owner text not null,
    kind text,
    agreed text[] not null,
    found_at timestamptz not null default clock_timestamp(),
    state text not null default 'open' check (state in ('open', 'dismissed', 'merged')),
    child uuid references cases,
    parent uuid references cases,
    unique (earlier, later),
    check ((child is null) = (parent is null)),
    check (child is null or state = 'merged')
);
create index duplicates_later on duplicates (later);
create index duplicates_state on duplicates (state, found_at);

-- Who said what of a pair; the last word of each counts. Only ever added to.
create table duplicate_decisions (
    nth bigint generated always as identity primary key,
    pair_id uuid not null references duplicates,
    organisation text not null,
    role text not null,
    person text,
    same_person boolean not null,
    decided_at timestamptz not null default clock_timestamp()
);
create index duplicate_decisions_pair on duplicate_decisions (pair_id);

alter table new_fingerprints enable row level security;
alter table new_fingerprints force row level security;
alter table fingerprints enable row level security;
alter table fingerprints force row level security;
alter table duplicates enable row level security;
alter table duplicates force row level security;
alter table duplicate_decisions enable row level security;
alter table duplicate_decisions force row level security;
create policy work on new_fingerprints to intake_work using (true) with check (true);
create policy work on fingerprints to intake_work using (true) with check (true);
create policy work on duplicates to intake_work using (true) with check (true);
create policy work on duplicate_decisions to intake_work using (true) with check (true);
create policy own on duplicates for select to intake_web
    using (current_setting('siraba.org', true) in (
        earlier_owner, earlier_first_owner, later_owner, later_first_owner));
create policy own on duplicate_decisions for select to intake_web
    using (exists (select from duplicates
                   where duplicates.pair_id = duplicate_decisions.pair_id));
-- Who has to decide, and since when, for `siraba duplicates`; never about which case.
create policy codes on duplicates for select to siraba_ops using (true);

create table dossiers (
    case_id uuid not null references cases,
    section text not null,
    version int not null,
    nonce bytea not null,
    ciphertext bytea not null,
    primary key (case_id, section, version)
);

-- A person's key under a key-encryption key; erasing a person is forgetting theirs. Without a tie to
-- the other tables, so that it can be dumped, and moved, apart from what it opens. What an erasure
-- leaves behind in the pages is swept out within a minute, not when a fifth of the table has changed.
create table person_keys (
    case_id uuid primary key,
    kek_id text,
    wrapped bytea,
    created_at timestamptz not null,
    destroyed_at timestamptz,
    check ((wrapped is null) = (destroyed_at is not null)),
    check ((wrapped is null) = (kek_id is null))
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);

-- Who a suspect is, by its reporter's own ids, apart from every case; its key lies in `person_keys`.
create table suspects (
    organisation text not null,
    proceeding_id uuid not null,
    suspect_id uuid not null,
    vault_id uuid not null unique,
    erased_at timestamptz,
    primary key (organisation, proceeding_id, suspect_id)
);
create table suspect_parts (
    vault_id uuid not null references suspects (vault_id),
    version int not null,
    nonce bytea not null,
    ciphertext bytea not null,
    primary key (vault_id, version)
);

-- The sealed parts of reports as they came, until referral has taken the report; or that it has.
create table sealed_parts (
    organisation text not null,
    request_id uuid not null,
    name text,
    body bytea,
    digest bytea,
    recorded_at timestamptz,
    is_taken boolean not null default false,
    case_id uuid,
    since timestamptz not null default clock_timestamp(),
    primary key (organisation, request_id)
);
create index sealed_parts_since on sealed_parts (since);

-- Since when an old key-encryption key wraps nothing: backups from before then still need it.
create table left_keks (
    kek_id text primary key,
    left_at timestamptz not null
);

-- Many persons who were found at once. Whoever waits to be registered lies here sealed, under a key
-- of this incident alone (in `person_keys`, so that a rotation moves it too), which goes with the
-- last of them.
create table incidents (
    incident_id uuid primary key,
    owner text not null,
    detected_on date not null,
    region text,
    cercle text,
    opened_at timestamptz not null,
    event_id uuid not null,
    trace text,
    done_at timestamptz
);
create index incidents_owner on incidents (owner, opened_at desc);
create index incidents_waiting on incidents (opened_at) where done_at is null;

-- nth: the person's place in the submission, from 1. What cannot be stored now is tried again later,
-- by itself.
create table incident_persons (
    incident_id uuid not null references incidents,
    nth int not null,
    nonce bytea,
    ciphertext bytea,
    attempts int not null default 0,
    due_at timestamptz not null default clock_timestamp(),
    case_id uuid references cases,
    refusals jsonb,
    primary key (incident_id, nth),
    check ((nonce is null) = (ciphertext is null)),
    check (num_nonnulls(ciphertext, case_id, refusals) = 1)
);
create index incident_persons_case on incident_persons (case_id) where case_id is not null;
create index incident_persons_waiting on incident_persons (incident_id, attempts, nth)
    where ciphertext is not null;

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

create table files (
    case_id uuid not null,
    organisation text not null,
    proceeding_id uuid not null,
    state text not null,
    "on" date not null,
    next_hearing_on date,
    primary key (case_id, organisation, proceeding_id)
);

-- By which referrals somebody took part in a case when it was closed, and was told so.
create table told_of_closing (
    referral_id uuid primary key,
    case_id uuid not null references cases
);
create index told_of_closing_case on told_of_closing (case_id);

-- Who warned of a threat against the person, and when it was recorded.
create table threats (
    event_id uuid primary key,
    case_id uuid not null,
    organisation text not null,
    threat text not null,
    threat_source text not null,
    urgency text not null,
    "on" date not null,
    at timestamptz not null,
    safety text[] not null
);
create index threats_case on threats (case_id);

create table unplaced (
    case_id uuid not null,
    service text not null,
    reason text not null,
    -- By which referral asks its owner for a decision.
    unplaced_id uuid,
    at timestamptz not null,
    primary key (case_id, service)
);

-- What was decided after registration; only ever added to.
create table consents (
    decision_id uuid primary key,
    case_id uuid not null references cases,
    at timestamptz not null,
    organisation text,
    recipient_kind text,
    purpose text,
    -- A yes or a no and who said it, or a ground other than consent.
    state text,
    by text,
    ground text,
    recorded_by text not null,
    check ((state is null) = (by is null) and (state is null) <> (ground is null))
);
create index consents_case on consents (case_id);

-- The receipts: who may read which fields, or was told nothing. The id is the message's.
create table disclosures (
    receipt_id uuid primary key,
    case_id uuid not null references cases,
    referral_id uuid not null,
    organisation text not null,
    organisation_kind text not null,
    service text not null,
    purpose text not null,
    stage text not null,
    form text not null check (form in ('sealed', 'desk', 'nothing')),
    ground text,
    policy_version text not null,
    fields text[] not null,
    digest bytea,
    released_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    ended_by uuid
);
create index disclosures_case on disclosures (case_id);
create index disclosures_referral on disclosures (referral_id);
create index disclosures_desk on disclosures (organisation)
    where form = 'desk' and ended_at is null;

-- Each time a desk has looked, and the digest of the bytes that it was shown.
create table openings (
    opening_id uuid primary key,
    referral_id uuid not null,
    case_id uuid not null references cases,
    organisation text not null,
    role text not null,
    grounds text[] not null,
    policy_version text not null,
    fields text[] not null,
    -- Of clear text, which could be guessed: it goes with the dossier.
    digest bytea,
    opened_at timestamptz not null default clock_timestamp()
);
create index openings_case on openings (case_id);

-- Who has to confirm that it heard of a withdrawal, and who has.
create table withdrawals (
    withdrawal_id uuid not null references consents,
    referral_id uuid not null,
    case_id uuid not null references cases,
    organisation text not null,
    told_at timestamptz not null default clock_timestamp(),
    acknowledged_at timestamptz,
    primary key (withdrawal_id, referral_id)
);
create index withdrawals_open on withdrawals (told_at) where acknowledged_at is null;

-- Which messages brought a case in, sealed. An erasure has each taken out of its streams; without a
-- case it is one that came after.
create table reports (
    organisation text not null,
    message_id uuid not null,
    digest bytea not null,
    recorded_at timestamptz not null,
    case_id uuid references cases,
    forget_since timestamptz,
    forgotten_at timestamptz,
    primary key (organisation, message_id),
    check (case_id is not null or forget_since is not null)
);
create index reports_case on reports (case_id);
create index reports_due on reports (organisation, recorded_at)
    where forget_since is not null and forgotten_at is null;

-- Who asked to see another's dossier, who agreed, and until when.
create table exceptions (
    exception_id uuid primary key,
    case_id uuid not null references cases,
    number text,
    owner text not null,
    organisation text not null,
    role text not null,
    person text not null,
    reason text not null,
    groups text[] not null,
    asked_at timestamptz not null default clock_timestamp(),
    lapses_at timestamptz not null,
    confirmed_by text,
    confirmed_role text,
    confirmed_person text,
    confirmed_at timestamptz,
    until timestamptz,
    check ((until is null) = (confirmed_by is null)),
    check (confirmed_by <> organisation and confirmed_person <> person)
);
create index exceptions_case on exceptions (case_id);
alter table exceptions enable row level security;
alter table exceptions force row level security;
create policy work on exceptions to intake_work using (true) with check (true);
create policy own on exceptions for select to intake_web
    using (current_setting('siraba.org', true) in (organisation, owner)
           or exists (select from organisations where kind = 'committee'
                      and code = current_setting('siraba.org', true)));

-- Each time that an owner had, or has, to ask how the person is.
-- Ways home: of a person at most one is planned at a time.
create table returns (
    return_id uuid primary key,
    case_id uuid not null references cases,
    return_type text not null,
    is_voluntary boolean not null,
    is_risk_assessed boolean not null,
    planned_for date not null,
    completed_on date
);
create unique index returns_planned on returns (case_id) where completed_on is null;
alter table returns enable row level security;
alter table returns force row level security;
create policy work on returns to intake_work using (true) with check (true);
create policy own on returns for select to intake_web
    using (exists (select from cases where cases.case_id = returns.case_id));

create table followups (
    followup_id uuid primary key,
    case_id uuid not null references cases,
    after_days int not null,
    due_at timestamptz not null,
    outcome text,
    done_by text,
    done_at timestamptz,
    unique (case_id, due_at),
    check (num_nulls(outcome, done_by, done_at) in (0, 3))
);
alter table followups enable row level security;
alter table followups force row level security;
create policy work on followups to intake_work using (true) with check (true);
create policy own on followups for select to intake_web
    using (exists (select from cases where cases.case_id = followups.case_id));

-- Whom an owner has asked to have a case; of one case nobody is asked twice at a time. shown: what of
-- the case the asked organisation may know before it has it.
create table transfers (
    transfer_id uuid primary key,
    case_id uuid not null references cases,
    from_owner text not null,
    to_owner text not null,
    ground text not null,
    shown jsonb not null,
    offered_at timestamptz not null default clock_timestamp(),
    lapses_at timestamptz not null,
    state text not null default 'offered'
        check (state in ('offered', 'accepted', 'refused', 'withdrawn', 'lapsed')),
    reason text,
    ended_at timestamptz,
    check (from_owner <> to_owner)
);
create unique index transfers_open on transfers (case_id) where state = 'offered';
create index transfers_case on transfers (case_id);
alter table transfers enable row level security;
alter table transfers force row level security;
create policy work on transfers to intake_work using (true) with check (true);
create policy own on transfers for select to intake_web
    using (current_setting('siraba.org', true) in (from_owner, to_owner));

-- Who asked that a person be forgotten, and who agreed; never by which number.
create table erasures (
    erasure_id uuid primary key,
    case_id uuid not null references cases,
    organisation text not null,
    person text not null,
    reason text not null,
    asked_at timestamptz not null default clock_timestamp(),
    lapses_at timestamptz not null,
    confirmed_by text,
    confirmed_person text,
    erased_at timestamptz,
    check ((erased_at is null) = (confirmed_by is null)),
    check (confirmed_by <> organisation and confirmed_person <> person)
);
create index erasures_case on erasures (case_id);
alter table erasures enable row level security;
alter table erasures force row level security;
create policy work on erasures to intake_work using (true) with check (true);
create policy own on erasures for select to intake_web
    using (current_setting('siraba.org', true) = organisation
           or exists (select from organisations where kind = 'committee'
                      and code = current_setting('siraba.org', true)));

alter table consents enable row level security;
alter table consents force row level security;
alter table disclosures enable row level security;
alter table disclosures force row level security;
alter table openings enable row level security;
alter table openings force row level security;
alter table withdrawals enable row level security;
alter table withdrawals force row level security;
create policy work on consents to intake_work using (true) with check (true);
create policy work on disclosures to intake_work using (true) with check (true);
create policy work on openings to intake_work using (true) with check (true);
create policy work on withdrawals to intake_work using (true) with check (true);
create policy own on consents for select to intake_web
    using (exists (select from cases where cases.case_id = consents.case_id));
create policy own on withdrawals for select to intake_web
    using (exists (select from cases where cases.case_id = withdrawals.case_id));
create policy own on disclosures for select to intake_web
    using (exists (select from cases where cases.case_id = disclosures.case_id));
create policy own on openings for select to intake_web
    using (exists (select from cases where cases.case_id = openings.case_id));
-- Codes only, for `siraba disclosures` and `siraba consent`.
create policy codes on disclosures for select to siraba_ops using (true);
create policy codes on openings for select to siraba_ops using (true);
create policy codes on withdrawals for select to siraba_ops using (true);

alter table incidents enable row level security;
alter table incidents force row level security;
alter table incident_persons enable row level security;
alter table incident_persons force row level security;
create policy work on incidents to intake_work using (true) with check (true);
create policy work on incident_persons to intake_work using (true) with check (true);
create policy own on incidents for select to intake_web
    using (current_setting('siraba.org', true) = owner);
create policy own on incident_persons for select to intake_web
    using (exists (select from incidents
                   where incidents.incident_id = incident_persons.incident_id));

alter table cases enable row level security;
alter table cases force row level security;
alter table steps enable row level security;
alter table steps force row level security;
alter table files enable row level security;
alter table files force row level security;
alter table unplaced enable row level security;
alter table unplaced force row level security;
alter table threats enable row level security;
alter table threats force row level security;
create policy work on threats to intake_work using (true) with check (true);
create policy own on threats for select to intake_web
    using (exists (select from cases where cases.case_id = threats.case_id));
create policy work on cases to intake_work using (true) with check (true);
create policy work on steps to intake_work using (true) with check (true);
create policy work on files to intake_work using (true) with check (true);
create policy work on unplaced to intake_work using (true) with check (true);
create policy own on cases for select to intake_web
    using (current_setting('siraba.org', true) = owner);
create policy own on steps for select to intake_web
    using (exists (select from cases where cases.case_id = steps.case_id));
create policy own on files for select to intake_web
    using (exists (select from cases where cases.case_id = files.case_id));
create policy own on unplaced for select to intake_web
    using (exists (select from cases where cases.case_id = unplaced.case_id));

-- The operator's trace may turn a number into the id that spans carry, and nothing more.
create policy numbers on cases for select to siraba_ops using (true);
grant select (case_id, number) on cases to siraba_ops;

grant select, insert, update, delete on all tables in schema intake to intake_work;
revoke update, delete on audit, roots from intake_work;
revoke delete on exceptions, erasures, transfers, followups, returns from intake_work;
grant select on transfers, followups, returns to intake_web;
grant select (erasure_id, organisation, reason, asked_at, lapses_at, erased_at) on erasures
    to intake_web;
grant select (exception_id, case_id, number, owner, organisation, role, reason, groups, asked_at,
              lapses_at, until) on exceptions to intake_web;
revoke delete on suspects from intake_work;
revoke update, delete on suspect_parts from intake_work;
revoke delete on duplicates from intake_work;
revoke update, delete on duplicate_decisions from intake_work;
grant select on duplicates to intake_web;
grant select (pair_id, organisation, same_person, nth) on duplicate_decisions to intake_web;
grant select (earlier_owner, later_owner, kind, found_at, state) on duplicates to siraba_ops;
revoke update, delete on consents, openings from intake_work;
grant update (digest) on openings to intake_work;
revoke delete on disclosures, withdrawals from intake_work;
grant select on organisations, organisation_keys, cases, steps, files, unplaced, threats, consents,
    withdrawals to intake_web;
-- Who could see what, for the owner; digests are for whoever proves it.
grant select (receipt_id, case_id, referral_id, organisation, service, form, ground,
              policy_version, fields, released_at, ended_at, ended_by) on disclosures to intake_web;
grant select (referral_id, case_id, role, opened_at) on openings to intake_web;
grant select on incidents to intake_web;
grant select (incident_id, nth, case_id, refusals) on incident_persons to intake_web;
grant select on disclosures, openings, withdrawals to siraba_ops;
grant select on outbox, unconfirmed, confirmed, dead_letters, parked, spans, audit, roots, leaves
    to siraba_ops;
-- The operator changes nothing but what becomes of a dead letter, and is on record when it does,
-- looks at one or exports a case.
grant update (state, settled_at) on dead_letters to siraba_ops;
grant insert on audit to siraba_ops;
grant select on conservation, watched to siraba_ops;
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(files("chassis").joinpath("mechanisms.sql").read_text())
    op.execute(TABLES)


def downgrade() -> None:
    """There is nothing before the first."""
    raise RuntimeError("restore a backup instead")
