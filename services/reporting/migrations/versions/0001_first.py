"""Facts: one row per event that a figure can rest on, and the organisations."""

from importlib.resources import files

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
-- `event_id`: the event that a row rests on, for whoever asks what is behind a figure.
-- Every key below comes from the event itself, so that a rebuild makes the same rows again.
create table facts_cases (
    case_id uuid primary key,
    owner text not null,
    registered_on date not null,
    detected_on date not null,
    region text,
    sex text not null,
    age_band text not null,
    citizenship text[] not null,
    exploitation text[] not null,
    offence_class text not null,
    victim_status text not null,
    detection_channel text not null,
    needs text[] not null,
    is_suspect_too boolean not null,
    recorded_at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null
);
create index facts_cases_detected on facts_cases (detected_on);

-- Under which case a person counts; of one case the row with the highest number.
create table facts_merges (
    case_id uuid not null,
    case_sequence bigint not null,
    merged_into uuid,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (case_id, case_sequence)
);

-- A case that was registered in error was nobody.
create table facts_erasures (
    case_id uuid not null,
    case_sequence bigint not null,
    reason text not null,
    erased_on date not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (case_id, case_sequence)
);

create table facts_followups (
    case_id uuid not null,
    case_sequence bigint not null,
    after_days int not null,
    outcome text not null,
    done_on date not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (case_id, case_sequence)
);

-- Where care of a person ended, or began again; of one case the next word says what became of it.
create table facts_closings (
    case_id uuid not null,
    case_sequence bigint not null,
    step text not null,
    reason text not null,
    stood_on date not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (case_id, case_sequence)
);

-- That a person has arrived by a return that was planned.
create table facts_returns (
    case_id uuid not null,
    case_sequence bigint not null,
    return_type text not null,
    is_voluntary boolean not null,
    is_risk_assessed boolean not null,
    completed_on date not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (case_id, case_sequence)
);

-- Where a dossier was opened by whom it was not, with a second person's word.
create table facts_exceptions (
    case_id uuid not null,
    case_sequence bigint not null,
    organisation text not null,
    reason text not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (case_id, case_sequence)
);

create table facts_referrals (
    referral_id uuid primary key,
    case_id uuid not null,
    service text not null,
    organisation text not null,
    organisation_kind text not null,
    urgency text not null,
    region text not null,
    rank int not null,
    ground text not null,
    offered_at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null
);
create index facts_referrals_offered on facts_referrals (offered_at);

-- No foreign keys: an answer may come before its offer, and an offer before its case.
create table facts_referral_steps (
    referral_id uuid not null,
    case_sequence bigint not null,
    step text not null,
    reason text,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (referral_id, case_sequence)
);

create table facts_unplaced (
    case_id uuid not null,
    case_sequence bigint not null,
    service text not null,
    reason text not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (case_id, case_sequence)
);
create index facts_unplaced_at on facts_unplaced (at);

create table facts_places (
    organisation text not null,
    case_sequence bigint not null,
    service text not null,
    places int not null,
    free int not null,
    counted_at timestamptz not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (organisation, case_sequence)
);
create index facts_places_counted on facts_places (organisation, service, counted_at);

-- Where a file stood for one case, and since which day; a file is one of its organisation's.
create table facts_proceedings (
    case_id uuid not null,
    case_sequence bigint not null,
    organisation text not null,
    organisation_kind text not null,
    proceeding_id uuid not null,
    state text not null,
    stood_on date not null,
    offence_class text not null,
    court text,
    region text,
    is_civil_party boolean,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (case_id, case_sequence)
);
create index facts_proceedings_file on facts_proceedings (organisation, proceeding_id);

-- Of one suspect of one file the row with the highest number; what went before counts before it.
create table facts_suspects (
    proceeding_id uuid not null,
    case_sequence bigint not null,
    organisation text not null,
    suspect_id uuid not null,
    stood_on date not null,
    custody text not null,
    sex text not null,
    age_band text not null,
    citizenship text[] not null,
    is_official boolean not null,
    is_victim_too boolean not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (proceeding_id, case_sequence)
);

-- Amounts in whole CFA francs, times in months.
create table facts_judgments (
    proceeding_id uuid not null,
    case_sequence bigint not null,
    organisation text not null,
    suspect_id uuid not null,
    judged_on date not null,
    court text not null,
    offence_class text not null,
    verdict text not null,
    is_final boolean not null,
    sentences text[] not null,
    months int not null,
    suspended_months int not null,
    fine bigint not null,
    reparation bigint not null,
    reparation_paid bigint not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (proceeding_id, case_sequence)
);

-- What was said of a session; of one session (an organisation's own id) the row with the highest
-- number. trained: by corps, women and men.
create table facts_sessions (
    organisation text not null,
    session_id uuid not null,
    case_sequence bigint not null,
    session_kind text not null,
    held_on date not null,
    region text not null,
    cercle text,
    language text not null,
    organiser text,
    participants jsonb not null,
    trained jsonb not null,
    estimated_reach int,
    calls int,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (organisation, session_id, case_sequence)
);
create index facts_sessions_held on facts_sessions (held_on);

-- Sessions that look like another and are none.
create table facts_distinctions (
    organisation text not null,
    session_id uuid not null,
    case_sequence bigint not null,
    at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null,
    primary key (organisation, session_id, case_sequence)
);

create table organisations (
    code text primary key,
    kind text not null,
    region text not null,
    name_fr text not null,
    name_en text not null,
    recorded_at timestamptz not null,
    event_id uuid not null,
    stream text not null,
    stream_sequence bigint not null
);

create table followed (
    stream text primary key,
    sequence bigint not null,
    recorded_at timestamptz not null
);

-- Every cell of every table that left the house; without a value where it was hidden;
-- place: the order in which it came out. No fact: a rebuild leaves it, and nobody takes back what is out.
create table published (
    release text not null,
    name text not null,
    groups text[] not null,
    value bigint,
    place bigint generated always as identity,
    primary key (release, name)
);

-- What each edition shows, as it came out: nothing that was hidden. tables: by name, rows of code,
-- value and out of; place: the order in which they came out.
create table editions (
    name text primary key,
    audience text not null,
    first_day date not null,
    end_day date not null,
    as_of timestamptz not null,
    positions jsonb not null,
    tables jsonb not null,
    place bigint generated always as identity
);
create index editions_days on editions (audience, first_day, end_day, as_of);

-- The files of each edition, as they were first laid out: signed with its manifest.
create table edition_files (
    edition text not null references editions (name),
    language text not null,
    name text not null,
    content bytea not null,
    digest text not null,
    primary key (edition, language, name)
);

-- What the committee has asked to be published. It is out once an edition of its name is; refused:
-- the rule that stood against it. While it is neither, it waits, and is asked for once.
create table publications (
    id uuid primary key,
    name text not null,
    organisation text not null,
    role text not null,
    person text,
    asked_at timestamptz not null,
    tries int not null default 0,
    refused text
);
create unique index publications_name on publications (name) where refused is null;

grant select, insert, update, delete on all tables in schema reporting to reporting_work;
revoke update, delete on audit, roots, published, editions, edition_files from reporting_work;
grant select on facts_cases, facts_merges, facts_erasures, facts_followups, facts_closings, facts_returns, facts_exceptions, facts_referrals, facts_referral_steps, facts_unplaced, facts_places,
    facts_proceedings, facts_suspects, facts_judgments, facts_sessions, facts_distinctions, organisations, organisation_keys, followed, editions, edition_files, publications to reporting_web;
grant select on outbox, unconfirmed, confirmed, dead_letters, parked, spans, audit, roots, leaves
    to siraba_ops;
grant select on conservation, watched to siraba_ops;
-- What becomes of a dead letter is the one thing that the operator changes, and on record.
grant update (state, settled_at) on dead_letters to siraba_ops;
grant insert on audit to siraba_ops;
"""


def upgrade() -> None:
    """Create everything."""
    op.execute(files("chassis").joinpath("mechanisms.sql").read_text())
    op.execute(TABLES)


def downgrade() -> None:
    """There is nothing before the first."""
    raise RuntimeError("restore a backup instead")
