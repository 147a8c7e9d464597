-- Tables that every service has in its own schema; run by each service's first migration.

create table outbox (
    position bigint generated always as identity primary key,
    id uuid not null unique,
    stream text not null,
    name text not null,
    version int not null,
    subject text not null,
    sequence_key text not null,
    case_id uuid,
    organisation text,
    causation_id text,
    correlation_id text,
    ground text,
    trace text,
    started_trace text,
    body bytea,
    created_at timestamptz not null default clock_timestamp(),
    headers text,
    hop text,
    leased_at timestamptz,
    sent_at timestamptz,
    stream_sequence bigint,
    -- When all of its readers had taken it; `confirmed` says it until the body is forgotten.
    delivered_at timestamptz,
    -- Its number in the recipient's feed, which is announced when it is freed.
    number bigint,
    -- Its ground is gone: not sent from then on, and taken out of the stream if it is there.
    withdrawn_at timestamptz,
    erased_at timestamptz
-- A lease is written beside its row, which then stays where it is in every index: it is about twice
-- as long as what was written first, so three quarters of a page are left for it.
) with (fillfactor = 25);
-- Each later mark writes the row anew into every index that holds it then.
create index outbox_waiting on outbox (position) where sent_at is null and erased_at is null;
create index outbox_withdrawn on outbox (position)
    where withdrawn_at is not null and erased_at is null;
create index outbox_case on outbox (case_id) where case_id is not null;
-- What was marked since the law of conservation last looked.
create index outbox_sent on outbox (stream, sent_at) where sent_at is not null;
-- No plan of ours hangs on these statistics, and with the usual target PostgreSQL reads thirty thousand
-- pages, a quarter full each, for them after every rush.
do $$ declare one text; begin
    for one in select attname from pg_attribute where attrelid = 'outbox'::regclass and attnum > 0 loop
        execute format('alter table outbox alter column %I set statistics 10', one);
    end loop;
end $$;

-- What was sent and not yet taken by all of its readers, then since when it is, as long as its body is
-- kept. The row itself is long and in four indexes: to mark it there costs four times as much.
create table unconfirmed (
    position bigint primary key,
    stream text not null,
    organisation text,
    stream_sequence bigint not null
);
create index unconfirmed_place on unconfirmed (stream, organisation, stream_sequence);

create table confirmed (
    position bigint primary key,
    at timestamptz not null
);
create index confirmed_at on confirmed (at);

create table sequences (
    stream text not null,
    key text not null,
    last bigint not null,
    -- The digest of this chain's newest signed payload.
    head bytea,
    primary key (stream, key)
) with (fillfactor = 70);

create table organisation_keys (
    key text primary key,
    owner text not null,
    use text not null,
    valid_from timestamptz not null,
    valid_until timestamptz,
    suspect_from timestamptz
);
create index organisation_keys_owner on organisation_keys (owner, use);

create table heartbeat (
    single boolean primary key default true check (single),
    at timestamptz not null
);

create table streams (
    name text primary key,
    born text not null,
    -- What was marked as sent after this moment lies in the stream of this birth.
    since timestamptz not null default 'epoch'
);

create table positions (
    consumer text not null,
    source text not null,
    subject text not null,
    last bigint not null,
    primary key (consumer, source, subject)
) with (fillfactor = 70);

create table parked (
    consumer text not null,
    source text not null,
    subject text not null,
    case_sequence bigint not null,
    stream text not null,
    stream_sequence bigint not null,
    recorded_at timestamptz not null,
    nats_subject text not null,
    headers text not null,
    body bytea not null,
    parked_at timestamptz not null default clock_timestamp(),
    primary key (consumer, source, subject, case_sequence)
);

create table inbox (
    consumer text not null,
    source text not null,
    id uuid not null,
    digest bytea not null,
    received_at timestamptz not null default clock_timestamp(),
    -- The message whose effect this row stands for.
    stream_sequence bigint,
    primary key (consumer, source, id)
);
create index inbox_age on inbox (consumer, received_at);

create table attempts (
    consumer text not null,
    stream text not null,
    stream_sequence bigint not null,
    tries int not null,
    failed_at timestamptz not null default clock_timestamp(),
    primary key (consumer, stream, stream_sequence)
);

create table dead_letters (
    id bigint generated always as identity primary key,
    consumer text not null,
    stream text not null,
    stream_sequence bigint not null,
    reason text not null,
    field text,
    digest bytea not null,
    tries int not null,
    source text,
    subject text,
    case_sequence bigint,
    type text,
    organisation text,
    state text not null default 'open' check (state in ('open', 'retry', 'discarded', 'done')),
    died_at timestamptz not null default clock_timestamp(),
    settled_at timestamptz,
    -- A stream made anew counts from 1 again: the digest tells two messages apart.
    unique (consumer, stream, stream_sequence, digest)
);
create index dead_letters_waiting on dead_letters (consumer, id) where state in ('retry', 'discarded');

create table redeliveries (
    consumer text not null,
    stream text not null,
    stream_sequence bigint not null,
    due_at timestamptz not null,
    organisation text,
    primary key (consumer, stream, stream_sequence)
);
create index redeliveries_due on redeliveries (consumer, organisation, due_at, stream_sequence);

-- The law of conservation (chassis.conservation): one row for each durable that the service reads,
-- and one, `relay-<STREAM>`, for each stream that it writes.
create table conservation (
    consumer text primary key,
    stream text not null,
    born text not null,
    -- All up to here has been judged: places in the stream, and marks on the database's clock.
    upto bigint not null,
    since timestamptz not null,
    -- judged = delivered + discarded + what is watched; accepted = judged + what nobody has done yet.
    judged bigint not null,
    discarded bigint not null,
    accepted bigint not null,
    delivered bigint not null,
    pending bigint not null,
    parked bigint not null,
    dead bigint not null,
    missing bigint not null,
    unfounded bigint not null,
    checked_at timestamptz not null default clock_timestamp()
);

-- What was judged and is not delivered: looked at again until it is.
create table watched (
    consumer text not null,
    stream_sequence bigint not null,
    -- The message's id, or its place where it has none that can be read.
    name text not null,
    -- Of an inbox row that stands for no message; empty for a message.
    source text not null default '',
    state text not null check (state in ('pending', 'parked', 'dead', 'missing', 'unfounded')),
    looks int not null default 1,
    looked_at timestamptz not null default clock_timestamp(),
    primary key (consumer, stream_sequence, name, source)
);
create index watched_next on watched (consumer, looked_at);

create table rejections (
    organisation text not null,
    minute timestamptz not null,
    count int not null,
    primary key (organisation, minute)
);

create table refusals (
    organisation text not null,
    minute timestamptz not null,
    count int not null,
    -- In whose words all that were only counted are told.
    last jsonb not null,
    primary key (organisation, minute)
);

create table spans (
    trace_id text not null,
    span_id text not null,
    parent_id text,
    name text not null,
    kind text not null,
    service text not null,
    case_id uuid,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    failed boolean not null,
    attributes jsonb not null,
    links jsonb not null,
    primary key (trace_id, span_id)
);
create index spans_case on spans (case_id) where case_id is not null;
create index spans_age on spans (started_at);

-- Who looked at what. The trigger below gives place, time and digest; nobody else can.
create table audit (
    chain text not null,
    number bigint not null,
    at timestamptz not null,
    organisation text not null check (organisation ~ '^[A-Z0-9_]{2,64}$'),
    role text not null check (role ~ '^[a-z_]{1,32}$'),
    person text check (person ~ '^[A-Za-z0-9_-]{1,64}$'),
    action text not null check (action ~ '^[a-z_.]{1,64}$'),
    case_id uuid,
    parts text not null check (parts ~ '^[A-Za-z0-9_ ]{0,250}$'),
    purpose text not null check (purpose ~ '^[a-z_]{1,32}$'),
    outcome text not null check (outcome ~ '^[a-z_]{1,32}$'),
    shown int not null check (shown >= 0),
    previous bytea not null,
    digest bytea not null,
    primary key (chain, number)
);
create index audit_case on audit (case_id) where case_id is not null;

-- One value a line; the checks above keep a line a line, so that no two rows say the same bytes.
create function audit_line(said audit) returns text language sql stable
set search_path from current as $$
    select concat_ws(E'\n', 'siraba-audit-1', said.chain, said.number,
        to_char(said.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        said.organisation, said.role, coalesce(said.person, ''), said.action,
        coalesce(said.case_id::text, ''), said.parts, said.purpose, said.outcome, said.shown)
$$;

-- Which case a row is about, to those who know the case: so that none can be hidden from them.
create function audit_tag(of_case uuid) returns bytea language sql immutable as $$
    select case when of_case is null then decode(repeat('00', 32), 'hex')
                else sha256(convert_to('case:' || of_case, 'UTF8')) end
$$;

-- Sixteen chains a month, by case: enough that readers do not queue on one row, and known in
-- advance, so that a case's whole record can be shown to be whole.
create function chain_audit() returns trigger language plpgsql
set search_path from current as $$
declare
    subject text := coalesce(new.case_id::text, new.organisation);
    shard text := to_hex(get_byte(sha256(convert_to(subject, 'UTF8')), 0) % 16);
begin
    perform pg_advisory_xact_lock(hashtextextended(tg_table_schema || '.audit.' || shard, 0));
    new.at := clock_timestamp();
    new.chain := shard || to_char(new.at at time zone 'UTC', '"/"YYYY-MM');
    select audit.number + 1, audit.digest into new.number, new.previous from audit
    where audit.chain = new.chain order by audit.number desc limit 1;
    if not found then
        new.number := 1;
        new.previous := decode(repeat('00', 32), 'hex');
    end if;
    new.digest := sha256(new.previous || audit_tag(new.case_id)
                         || sha256(convert_to(audit_line(new), 'UTF8')));
    return new;
end $$;
create trigger audit_chained before insert on audit
    for each row execute function chain_audit();

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is only ever added to', tg_table_name;
end $$;
create trigger audit_only_grows before update or delete or truncate on audit
    for each statement execute function refuse_change();

-- One a day, over the heads of every chain: what the witnesses keep (contracts.roots).
create table roots (
    day date primary key,
    made_at timestamptz not null,
    size bigint not null,
    root bytea not null,
    signature text not null
);
create trigger roots_only_grow before update or delete or truncate on roots
    for each statement execute function refuse_change();

-- What lies under the newest root, in its order: proofs are made of it.
create table leaves (
    place bigint primary key,
    stream text not null,
    key text not null,
    last bigint not null,
    head bytea not null
);
