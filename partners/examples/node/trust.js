// Our keys, and whose signatures to believe (contracts/signing.py, contracts/keyring.py).
import { createHash, createPrivateKey, createPublicKey, sign as signRaw, verify as verifyRaw } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "./journal.js";

const PLATFORM = "platform-keys.json";
const SIGNATURE = /^siraba-1\.([0-9a-f]{16})\.([A-Za-z0-9_-]{86})(?:\.(0|[1-9]\d{0,3})\.([1-9]\d{0,3})\.(.+))?$/;
export const digest = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const readJson = (folder, name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const keyId = (raw) => digest(raw).toString("hex").slice(0, 16);
const byId = (key) => [keyId(canonical(key.key)), key];
const idOf = (key) => keyId(Buffer.from(createPublicKey(key).export({ format: "jwk" }).x, "base64url"));

/** What this finds in a folder, or an error that says what to do about it. */
export function inFolder(folder, otherwise, find) {
  try { return find(); } catch ({ code, message }) { throw new Error(`${folder}: ${otherwise} (${code ?? message})`); }
}

/** A message that cannot be taken: why and where, never what it held. */
export class Refused extends Error {
  constructor(reason, field) { Object.assign(super(`${reason}: ${field}`), { reason, field }); }
}

/** What `siraba-partner init` has made; `sealing` by key id, with those that were replaced. */
export function ownKeys(folder) {
  const secret = (name) => {
    if (statSync(join(folder, name)).mode & 0o077) throw new Error(`others can read ${name}: chmod 600`);
    return readFileSync(join(folder, name), "utf8").trim();
  };
  const seals = readdirSync(folder).filter((name) => /^sealing(-.*)?\.key$/.test(name)).map(secret).map(createPrivateKey);
  const [seed, signing] = [secret("nkey.seed"), createPrivateKey(secret("signing.key"))];
  return { ...readJson(folder, "public.json"), seed, signing, sealing: new Map(seals.map((key) => [idOf(key), key])), folder };
}

/** The bytes a signature speaks for; `subject` is where the message lies in its stream. */
export function signedPayload(headers, body, subject) {
  const names = [...headers.keys()].filter((name) => /^(ce-|content-type$)/i.test(name)).sort();
  const lines = [...names.map((name) => `${name}:${headers.get(name)}`), `subject:${subject}`];
  const isPlain = lines.every((line) => /^(ce-[a-z0-9]+|content-type|subject):[!-~]*$/.test(line));
  if (!isPlain) throw new Refused("malformed", "attributes");
  return Buffer.from(`${lines.join("\n")}\nsha-256:${digest(body).toString("hex")}\n`);
}

/** The value of `siraba-signature` for a request of ours. */
export const sign = (payload, key) =>
  `siraba-1.${idOf(key)}.${signRaw(null, pae("request", payload), key).toString("base64url")}`;

/** Refuses an event that its source has not signed with a key good at that time; the key's id. */
export function verify(headers, payload, { source, at, known }) {
  const [, id, text, place, size, path] = SIGNATURE.exec(headers.get("siraba-signature")) ?? [];
  const refuse = (reason) => { throw new Refused(reason, "siraba-signature"); };
  if (!id) refuse(headers.has("siraba-signature") ? "malformed" : "unsigned");
  const key = known.get(id);
  const owner = /^\/siraba\/(intake|referral|reporting)$/.exec(source)?.[1] ?? refuse("foreign_key");
  if (key?.use !== "signing" || at < Date.parse(key.valid_from)) refuse("unknown_key");
  if (key.owner !== owner) refuse("foreign_key");
  if (key.suspect_from && at >= Date.parse(key.suspect_from)) refuse("key_suspect");
  if (key.valid_until && at >= Date.parse(key.valid_until)) refuse("key_expired");
  const tree = () => `size:${size}\nroot:${root(payload, +place, +size, canonical(path)).toString("hex")}\n`;
  const signed = path ? pae("event-batch", Buffer.from(tree())) : pae("event", payload);
  const half = { key: { kty: "OKP", crv: "Ed25519", x: key.key }, format: "jwk" };
  return verifyRaw(null, signed, half, canonical(text)) ? id : refuse("bad_signature");
}

/** Keeps the platform's news on disk: an end only moves to earlier, and on a doubtful key's word none comes in. */
export function learn(keys, signer, folder) {
  const ring = platformKeys(folder);
  const told = keys.map(byId);
  const take = ([id, key]) => ring.set(id, ended(key, ring.get(id) ?? key));
  told.filter(([id]) => ring.has(id)).forEach(take);
  if (!ring.get(signer).suspect_from) told.forEach(take);
  writeWhole(folder, PLATFORM, JSON.stringify({ keys: [...ring.values()] }, null, 2));
}

/** Read anew each time: an officer may put another file in its place. */
export const platformKeys = (folder) =>
  inFolder(folder, `${PLATFORM} is missing or broken: ask the operator`, () => new Map(readJson(folder, PLATFORM).keys.map(byId)));

function ended(key, known) {
  const said = ({ owner, use, valid_from }) => `${owner} ${use} ${Date.parse(valid_from)}`;
  if (said(key) !== said(known)) throw new Refused("wrong_schema", "keys");
  const sooner = (one, other) => (other && !(Date.parse(one) <= Date.parse(other)) ? other : one ?? null);
  const [until, doubt] = ["valid_until", "suspect_from"].map((end) => sooner(key[end], known[end]));
  return { ...key, valid_until: until, suspect_from: doubt };
}

/** DSSE's PAE, version 1: what is signed, with both lengths so that nothing can shift. */
function pae(kind, payload) {
  const type = `application/vnd.siraba-1.${kind}`;
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
}

/** The root (RFC 6962) of a tree of so many leaves, from one of them and the hashes beside its way. */
function root(leaf, place, size, path) {
  if (place >= size || (size === 1) !== (path.length === 0)) throw new Refused("malformed", "siraba-signature");
  if (size === 1) return digest("\0", leaf);
  const [half, rest, beside] = [2 ** (31 - Math.clz32(size - 1)), path.subarray(0, -32), path.subarray(-32)];
  if (place < half) return digest("\x01", root(leaf, place, half, rest), beside);
  return digest("\x01", beside, root(leaf, place - half, size - half, rest));
}

/** The bytes of base64url text, if it is the one text that stands for them. */
function canonical(text) {
  const raw = Buffer.from(text, "base64url");
  if (raw.toString("base64url") !== text) throw new Refused("malformed", "base64url");
  return raw;
}
