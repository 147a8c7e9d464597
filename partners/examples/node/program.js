// What every partner program does around its decisions: connect, check, remember, send, acknowledge.
import { webcrypto } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import { connect, headers as newHeaders, nkeyAuthenticator } from "@nats-io/transport-node";
import { Journal } from "./journal.js";
import { addressed, knowMessages, open, read } from "./messages.js";
import { Refused, inFolder, learn, ownKeys, platformKeys } from "./trust.js";

globalThis.crypto ??= webcrypto; // Node 18 has it, but not under this name
export const show = (did, facts) => console.log(JSON.stringify({ did, at: new Date().toISOString(), ...facts }));

/** Runs until SIGTERM or Ctrl-C, or until our key is cut off; what it was working on comes again next time. */
export async function run({ work, answersTo }) {
  const { SIRABA_DIR: folder = ".", SIRABA_URL: url = "nats://127.0.0.1:8422", SIRABA_CA: ca } = process.env;
  const keys = inFolder(folder, "SIRABA_DIR names the folder of your keys", () => ownKeys(folder));
  knowMessages(process.env.SIRABA_SCHEMAS);
  platformKeys(folder);
  const connection = await connected(url, ca, keys);
  for (const stop of ["SIGTERM", "SIGINT"]) process.once(stop, () => connection.close());
  const js = jetstream(connection, { apiPrefix: "JSHUB.API" });
  const program = { keys, journal: new Journal(join(folder, "journal.jsonl")), js, work, answersTo };
  show("ready", { code: keys.code });
  for (let feed; !connection.isClosed();) {
    try {
      feed ??= await js.consumers.get("OUT", keys.code);
      for await (const message of await feed.fetch({ max_messages: 20, expires: 5000 })) await take(message, program);
    } catch (error) {
      if (!connection.isClosed()) await patience(error);
    }
  }
  await connection.closed().then((lost) => lost && Promise.reject(lost));
}

/**
 * Waits for the platform, unless it refuses our key. Off this machine always encrypted: whoever
 * strips that must not get a signature.
 */
function connected(url, ca, { code, seed }) {
  const { protocol, hostname, host } = new URL(url);
  if (!["nats:", "tls:"].includes(protocol)) throw new Error("SIRABA_URL: this program speaks NATS (nats:// or tls://)");
  const isHere = ["127.0.0.1", "[::1]", "localhost"].includes(hostname) && protocol === "nats:" && !ca;
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(seed));
  const options = { servers: host, authenticator, inboxPrefix: `_INBOX_${code}`, maxReconnectAttempts: -1, ...(isHere || { tls: { caFile: ca } }) };
  const again = (why) => patience(why, why.name === "AuthorizationError").then(() => connect(options).catch(again));
  return connect(options).catch(again);
}

/** One message of the feed: it comes again until it is acknowledged, and is acted on once. */
async function take(message, program) {
  try {
    const { envelope, body, signer } = read(message, program.keys);
    const key = `${envelope.source} ${envelope.id}`;
    if (!program.journal.done.has(key)) {
      if (!program.journal.open.has(key)) await decide({ key, envelope, body, signer }, program);
      for (const answer of program.journal.open.get(key)) await send(answer, program);
      program.journal.note({ done: key });
    }
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    // After a crash a message can overtake the one that tells of its key, for as long as an ack is waited for.
    if (refused.reason === "unknown_key" && message.info.deliveryCount < 10) return message.nak(5000);
    setAside(message, refused, program.journal);
  }
  message.ack();
}

/** Our own work first; then the decision, on disk before any of it is sent. */
async function decide({ key, envelope, body, signer }, { keys, journal, work, answersTo }) {
  const { id, name, source, subject, number } = envelope;
  const place = { message: id, to: keys.code, case: subject, sections: body.sections };
  const dossier = name === "dossier.disclosed" ? await open(body.sealed, place, keys.sealing) : null;
  if (name === "keys.published" && source !== "/siraba/referral") throw new Refused("wrong_source", "ce-source");
  if (name === "keys.published") learn(body.keys, signer, keys.folder);
  await work(name, body, dossier);
  const answers = answersTo(name, body, keys.code).map((answer) => addressed(answer, envelope, keys));
  journal.note({ took: key, answers, source, number, trimmed: name === "feed.trimmed" ? body.numbers : [] });
  show("received", { name, id, referral_id: body.referral_id, source, number, ...journal.feeds.get(source) });
}

/** Returns once the platform has it on disk; a later request never overtakes an earlier one. */
async function send({ name, subject, headers, body }, { js }) {
  const made = newHeaders();
  Object.entries(headers).forEach(([header, value]) => made.set(header, value));
  const again = (error) => patience(error, js.nc.isClosed());
  while (!(await js.publish(subject, body, { headers: made }).catch(again)));
  show("sent", { name, id: headers["ce-id"] });
}

async function patience(error, isOver = false) {
  if (isOver) throw error;
  console.error(`cannot go on (${error.message}); trying again`);
  await sleep(1000);
}

/** What cannot be read is kept for a person, and the feed goes on. */
function setAside({ subject, headers, data, info }, { reason, field, envelope: { source, number } = {} }, journal) {
  const found = { stream_sequence: info.streamSequence, reason, field };
  const body = Buffer.from(data).toString("base64"); // unreadable, but not missing: its number has come
  journal.note({ aside: found, source, number, subject, headers: headers?.toRecord(), body });
  show("aside", found);
}
