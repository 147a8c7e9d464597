"""Directory, cases as referral knows them, referrals."""

from importlib.resources import files

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table organisations (
    code text primary key,
    version int not null,
    kind text not null,
    channel text not null,
    is_suspended boolean not null,
    -- Since when its feed and its ingress stream are no more.
    removed_at timestamptz,
    entry jsonb not null,
    -- What was last announced of it.
    published text not null default '',
    changed_at timestamptz not null default clock_timestamp()
);
create table organisation_versions (
    code text not null,
    version int not null,
    entry jsonb not null,
    changed_at timestamptz not null default clock_timestamp(),
    organisation text not null,
    role text not null,
    person text,
    why text not null,
    primary key (code, version)
);

-- Days off that the law knows no date of beforehand; the last line of a day is how it stands.
create table holidays (
    number bigint generated always as identity primary key,
    day date not null,
    is_off boolean not null,
    fr text not null,
    en text not null,
    source text not null,
    declared_at timestamptz not null default clock_timestamp(),
    organisation text not null,
    role text not null,
    person text
);

-- The platform's own public keys that every feed has been told of.
create table keys_told (
    key text primary key,
    told_at timestamptz not null default clock_timestamp()
);

create table cases (
    case_id uuid primary key,
    owner text not null,
    facts jsonb not null,
    recorded_at timestamptz not null,
    -- What was decided about telling of it after registration: moment and line of each.
    decided jsonb not null default '[]',
    is_closed boolean not null default false,
    -- Whom was asked before then, may be asked again.
    asked_since timestamptz not null default '-infinity',
    -- Under which case its person counts, where not under this one; that one counts under no other.
    merged_into uuid,
    -- Safety instructions of every threat that was reported on this case; none was where it is null.
    warned jsonb
);
-- Nothing is looked for by them; to gather their statistics costs more than of all other columns.
alter table cases alter facts set statistics 0;
create index cases_merged on cases (merged_into) where merged_into is not null;
create index cases_warned on cases (coalesce(merged_into, case_id)) where warned is not null;

create table referrals (
    referral_id uuid primary key,
    case_id uuid not null references cases,
    owner text not null,
    organisation text not null,
    organisation_kind text not null,
    service text not null,
    urgency text not null,
    ground text not null,
    rank int not null,
    state text not null,
    offered_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    -- When the service began, and when what had been accepted came to its end.
    started_at timestamptz,
    ended_at timestamptz,
    -- Taken back since nothing carried it any more, and whether it was asked for again since then.
    lost_ground boolean not null default false,
    is_asked_again boolean not null default false
);
-- Nobody is asked twice for the same while the first is open; once it was taken back, somebody may be.
create unique index referrals_open on referrals (case_id, service, organisation)
    where state in ('offered', 'received', 'accepted', 'started');
create index referrals_organisation on referrals (organisation, state);
create index referrals_ended on referrals (organisation, service, ended_at)
    where started_at is not null;

create table places (
    organisation text not null,
    service text not null,
    places int not null,
    free int not null,
    counted_at timestamptz not null,
    -- When it came, by our clock: who left after the count and before that may be free already.
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (organisation, service)
);

create table proceedings (
    organisation text not null,
    -- The organisation's own id of the file.
    proceeding_id uuid not null,
    case_id uuid not null references cases,
    state text not null,
    "on" date not null,
    next_hearing_on date,
    primary key (organisation, proceeding_id, case_id)
);
create index proceedings_case on proceedings (case_id);

-- A page acts once (docs/decisions/0037): the key that came with it, and a keyed digest of the answers.
create table forms (
    organisation text not null,
    key text not null,
    digest bytea not null,
    sent_at timestamptz not null default clock_timestamp(),
    primary key (organisation, key)
);

-- Public keys that an organisation handed in at a page; `document` is its `public.json`, with the
-- officers' words that came since. Nothing is believed for being here.
create table handed_keys (
    handed_id uuid primary key,
    organisation text not null,
    state text not null default 'waiting'
        check (state in ('waiting', 'approved', 'refused', 'replaced')),
    document jsonb not null,
    handed_at timestamptz not null default clock_timestamp()
);
create unique index handed_keys_open on handed_keys (organisation)
    where state in ('waiting', 'approved');
create index handed_keys_newest on handed_keys (organisation, handed_at);
create table handed_keys_acts (
    number bigint generated always as identity primary key,
    handed_id uuid not null references handed_keys,
    act text not null
        check (act in ('handed_in', 'vouched', 'approved', 'refused', 'replaced')),
    at timestamptz not null default clock_timestamp(),
    organisation text not null,
    role text not null,
    person text,
    why text not null default ''
);
create index handed_keys_acts_of on handed_keys_acts (handed_id, number);

create table suspects (
    organisation text not null,
    proceeding_id uuid not null,
    suspect_id uuid not null,
    primary key (organisation, proceeding_id, suspect_id)
);

-- Of the last offers of each organisation, which were answered in time: y or n, the newest last.
create table answers (
    organisation text primary key,
    outcomes text not null
);

-- Why each need went where it went; a row is never changed but for the owner of its case.
create table routings (
    id uuid primary key,
    case_id uuid not null references cases,
    owner text not null,
    service text not null,
    urgency text not null,
    organisation text,
    weighed jsonb not null,
    decided_at timestamptz not null default clock_timestamp()
);
create index routings_case on routings (case_id);
alter table routings alter weighed set statistics 0;

create table repeats (
    organisation text not null,
    request_type text not null,
    asked_at timestamptz not null default clock_timestamp(),
    primary key (organisation, request_type)
);
create table unplaced (
    -- As of a referral, that of the choice it came from.
    unplaced_id uuid not null unique,
    case_id uuid not null references cases,
    owner text not null,
    service text not null,
    urgency text not null,
    reason text not null,
    since timestamptz not null,
    -- Nothing lets anybody be asked any more: she said no, so nobody is called.
    lost_ground boolean not null default false,
    primary key (case_id, service)
);

-- Of a threat each organisation that must protect has a row: it waits for each by itself.
create table threats (
    threat_id uuid primary key,
    case_id uuid not null references cases,
    waits_for text not null,
    urgency text not null,
    at timestamptz not null default clock_timestamp()
);

-- What every later holder of a case of the same person has to heed; what was threatened is not here.
create table warnings (
    warning_id uuid primary key,
    case_id uuid not null references cases,
    reporter text not null,
    urgency text not null,
    "on" date not null,
    safety text[] not null,
    at timestamptz not null default clock_timestamp()
);
create index warnings_case on warnings (case_id);

create table timers (
    matter_id uuid primary key,
    -- What comes next, and when by the database's clock.
    step text not null,
    due_at timestamptz not null
);
create index timers_due on timers (due_at, matter_id);

-- Incidents whose cases are placed together, and the plan that was made of each.
create table groups (
    incident_id uuid primary key,
    owner text not null,
    -- How many cases will come, once that is known.
    persons int,
    state text not null default 'gathering' check (state in ('gathering', 'planned', 'sent')),
    version int not null default 0,
    wishes jsonb not null default '{}',
    plan jsonb,
    planned_at timestamptz
);
create table group_cases (
    case_id uuid primary key references cases,
    incident_id uuid not null references groups,
    owner text not null,
    -- What it waits for until the plan is sent.
    services jsonb not null
);
create index group_cases_incident on group_cases (incident_id);

create table notices (
    notice_id uuid primary key,
    -- A referral, an unplaced service or a threat, which waits for this organisation to act.
    matter_id uuid not null,
    case_id uuid not null references cases,
    service text not null,
    waits_for text not null,
    is_referral boolean not null,
    is_threat boolean not null,
    rung text not null,
    -- Whose posts are told; nobody where nobody stands on that rung.
    organisation text,
    state text not null check (state in ('waiting', 'sent', 'failed', 'spared')),
    tries int not null,
    next_at timestamptz not null,
    created_at timestamptz not null,
    settled_at timestamptz,
    acknowledged_at timestamptz,
    unique (matter_id, rung)
);
create index notices_waiting on notices (next_at) where state = 'waiting';
create index notices_organisation on notices (organisation, created_at);
create index notices_age on notices (created_at);

-- People with a browser. What can be known of one is a name to log in with, and no more.
create table accounts (
    account_id uuid primary key,
    organisation text not null,
    role text not null,
    login text not null unique,
    -- The provider that vouches for whom an institution signs in itself; they have no password here.
    issuer text,
    -- Argon2id; none before the invitation is taken up.
    password text,
    -- Sealed with a key outside of the database.
    code_key bytea,
    code_step bigint not null default 0,
    -- SHA-256 of what the invitation's address holds; none once it was used.
    invitation bytea unique,
    invited_until timestamptz,
    failures int not null default 0,
    rests_until timestamptz,
    disabled_at timestamptz,
    made_at timestamptz not null
);
create table sessions (
    -- SHA-256 of what the cookie holds.
    digest bytea primary key,
    account_id uuid not null references accounts,
    signed_in_at timestamptz not null,
    seen_at timestamptz not null
);
create index sessions_account on sessions (account_id);
-- Two people say that somebody has lost what they sign in with; null stands for the operator.
create table recoveries (
    recovery_id uuid primary key,
    account_id uuid not null references accounts,
    asked_by uuid references accounts,
    asked_at timestamptz not null,
    agreed_by uuid references accounts,
    agreed_at timestamptz,
    ended_at timestamptz,
    -- `used`, `void` (whoever it is about signed in, or it was taken back) or `late`.
    outcome text,
    told_at timestamptz
);
create unique index recoveries_open on recoveries (account_id) where ended_at is null;

alter table cases enable row level security;
alter table cases force row level security;
alter table referrals enable row level security;
alter table referrals force row level security;
alter table unplaced enable row level security;
alter table unplaced force row level security;
alter table notices enable row level security;
alter table notices force row level security;
alter table proceedings enable row level security;
alter table proceedings force row level security;
alter table routings enable row level security;
alter table routings force row level security;
alter table handed_keys enable row level security;
alter table handed_keys force row level security;
alter table handed_keys_acts enable row level security;
alter table handed_keys_acts force row level security;
alter table groups enable row level security;
alter table groups force row level security;
alter table group_cases enable row level security;
alter table group_cases force row level security;
create policy work on groups to referral_work using (true) with check (true);
create policy work on group_cases to referral_work using (true) with check (true);
create policy own on groups for select to referral_web
    using (current_setting('siraba.org', true) = owner);
create policy own on group_cases for select to referral_web
    using (current_setting('siraba.org', true) = owner);
create policy work on cases to referral_work using (true) with check (true);
create policy work on referrals to referral_work using (true) with check (true);
create policy work on proceedings to referral_work using (true) with check (true);
create policy work on unplaced to referral_work using (true) with check (true);
create policy work on routings to referral_work using (true) with check (true);
create policy own on referrals for select to referral_web
    using (current_setting('siraba.org', true) in (organisation, owner));
create policy own on unplaced for select to referral_web
    using (current_setting('siraba.org', true) = owner);
-- The committee can contest how it was chosen, and sees no more of a person than its case number.
create policy seen on routings for select to referral_web
    using (current_setting('siraba.org', true) = owner or exists (
        select from organisations
        where code = current_setting('siraba.org', true) and kind = 'committee'));
-- Whoever keeps the directory sees the keys of all, an organisation its own.
create policy work on handed_keys to referral_work using (true) with check (true);
create policy work on handed_keys_acts to referral_work using (true) with check (true);
create policy seen on handed_keys for select to referral_web
    using (current_setting('siraba.org', true) = organisation or exists (
        select from organisations
        where code = current_setting('siraba.org', true) and kind = 'committee'));
create policy seen on handed_keys_acts for select to referral_web
    using (exists (select from handed_keys one where one.handed_id = handed_keys_acts.handed_id));
create policy work on notices to referral_work using (true) with check (true);
create policy own on notices for select to referral_web
    using (current_setting('siraba.org', true) = organisation);
create policy committee on unplaced for select to referral_web
    using (exists (select from organisations where kind = 'committee'
                   and code = current_setting('siraba.org', true)));

grant select, insert, update, delete on all tables in schema referral to referral_work;
revoke update, delete on audit, roots, organisation_versions, holidays, handed_keys_acts
    from referral_work;
grant select on organisations, organisation_versions, organisation_keys, holidays to referral_web;
grant select on handed_keys, handed_keys_acts to referral_web;
grant select on referrals, unplaced, places, notices, routings, groups, group_cases to referral_web;
-- The operator sees that something waits and who was told, and nothing that names a case.
create policy watch on unplaced for select to siraba_ops using (true);
create policy watch on notices for select to siraba_ops using (true);
grant select (owner, service, urgency, reason, since) on unplaced to siraba_ops;
grant select (waits_for, rung, organisation, state, tries, created_at, acknowledged_at) on notices
    to siraba_ops;
grant select on outbox, unconfirmed, confirmed, dead_letters, parked, spans, audit, roots, leaves
    to siraba_ops;
grant select on conservation, watched, keys_told, routings to siraba_ops;
-- What becomes of a dead letter is the one thing that the operator changes, and on record.
grant update (state, settled_at) on dead_letters to siraba_ops;
grant insert on audit to siraba_ops;
create policy operations on routings for select to siraba_ops using (true);
-- Whose case a referral is of, for whoever follows its way: ids alone.
create policy ways on referrals for select to siraba_ops using (true);
grant select (referral_id, case_id) on referrals to siraba_ops;
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(files("chassis").joinpath("mechanisms.sql").read_text())
    op.execute(TABLES)


def downgrade() -> None:
    """There is nothing before the first."""
    raise RuntimeError("restore a backup instead")
