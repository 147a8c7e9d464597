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
    delivered_at timestamptz
) with (fillfactor = 50);
create index outbox_waiting on outbox (position) where sent_at is null;
create index outbox_unconfirmed on outbox (stream, organisation, stream_sequence)
    where delivered_at is null;
create index outbox_cooling on outbox (delivered_at) where body is not null;
create index outbox_case on outbox (case_id) where case_id is not null;

create table sequences (
    stream text not null,
    key text not null,
    last bigint not null,
    primary key (stream, key)
);

create table heartbeat (
    single boolean primary key default true check (single),
    at timestamptz not null
);

create table streams (
    name text primary key,
    born text not null
);

create table positions (
    consumer text not null,
    source text not null,
    subject text not null,
    last bigint not null,
    primary key (consumer, source, subject)
);

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
    primary key (consumer, source, id)
);
create index inbox_age on inbox (received_at);

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
    primary key (consumer, stream, stream_sequence)
);
create index redeliveries_due on redeliveries (consumer, due_at);

create table rejections (
    organisation text not null,
    minute timestamptz not null,
    count int not null,
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
