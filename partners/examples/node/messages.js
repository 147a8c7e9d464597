// Messages as they travel: CloudEvents in NATS headers, of one type, on one subject, signed and sealed.
import { readFileSync, readdirSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { flattenedDecrypt } from "jose";
import { Refused, digest, inFolder, platformKeys, sign, signedPayload, verify } from "./trust.js";

const SUITE = { alg: "ECDH-ES+A256KW", enc: "A256GCM", cty: "json", siraba: "siraba-1" };
const ajv = addFormats(new Ajv2020({ strict: false }));
const checks = new Map();

/** Reads the messages' schemas, before anything is read by them. */
export const knowMessages = (folder = "schemas/feed") => inFolder(folder, "SIRABA_SCHEMAS names the bundle's schemas/feed", () => {
  const schemas = readdirSync(folder).map((file) => JSON.parse(readFileSync(`${folder}/${file}`, "utf8")));
  schemas.forEach((schema) => checks.set(schema.$id, ajv.compile(schema)));
  if (!checks.has("ml.siraba.referral.offered.v1")) throw new Error("these are others");
});

/** A UUID (version 8) that is the same for the same words. */
const idFrom = (words) => digest(words).toString("hex").replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, "$1-$2-8$3-8$4-$5");

/**
 * A message of the feed, if a service of the platform has said exactly this to us.
 * @param {import("@nats-io/jetstream").JsMsg} message
 * @param {{code: string, folder: string}} keys our own
 */
export function read({ headers: found, subject, data, time }, { code, folder }) {
  const known = platformKeys(folder); // without them nothing can be judged, so nothing is put aside
  let proven; // what nobody we believe has signed has no number either
  try {
    // Joined by a space, which no attribute may hold: what comes twice has no one reading.
    const headers = new Map([...(found ?? [])].map(([name, values]) => [name, values.join(" ")]));
    const envelope = envelopeOf(headers);
    const signer = verify(headers, signedPayload(headers, data, subject), { source: envelope.source, at: time, known });
    proven = envelope;
    const body = bodyOf(envelope.type, data);
    if (subject !== `out.${code}.${envelope.name}.v1`) throw new Refused("wrong_subject", "subject");
    return { envelope, body, signer };
  } catch (error) {
    throw Object.assign(error instanceof Refused ? error : new Refused("malformed", "body"), { envelope: proven });
  }
}

/** A request of ours as it will be sent and sent again: the same bytes under the same id. */
export function addressed({ name, body }, answered, { code, signing }) {
  const content = JSON.stringify(body);
  const headers = {
    "ce-specversion": "1.0", "ce-id": idFrom(`${answered.source} ${answered.id} ${name}`),
    "ce-datacontenttype": "application/json", "ce-source": `/partners/${code}`, "ce-type": `ml.siraba.${name}.v1`,
    "ce-subject": body.referral_id, "ce-correlationid": body.referral_id, "ce-causationid": answered.id,
    ...(answered.started && { "ce-traceparent": answered.started }),
  };
  // The platform stores it under our code, and that is where the signature must hold.
  const payload = signedPayload(new Map(Object.entries(headers)), content, `in.${code}.${name}.v1`);
  const more = { ...(answered.hop && { traceparent: answered.hop }), "siraba-signature": sign(payload, signing) };
  return { name, subject: `in.${name}.v1`, headers: { ...headers, ...more, "Nats-Msg-Id": headers["ce-id"] }, body: content };
}

/** What a `dossier.disclosed` holds, section → field → text; `keys` are our sealing keys by id. */
export async function open({ protected: head, recipients, iv, ciphertext, tag }, place, keys) {
  try {
    const text = Buffer.from(head, "base64url").toString();
    const said = JSON.parse(text);
    // The second half refuses a member that comes twice: each reader might take another.
    const isHere = isDeepStrictEqual(said, { ...SUITE, ...place }) && JSON.stringify(said) === text;
    const mine = recipients.find((recipient) => keys.has(recipient.header.kid));
    if (!isHere || !mine) throw new Refused(mine ? "wrong_place" : "wrong_key", "sealed");
    const { plaintext } = await flattenedDecrypt({ ...mine, protected: head, iv, ciphertext, tag }, keys.get(mine.header.kid));
    // Padded with 0x80 and zeros, so that its length says little.
    return JSON.parse(Buffer.from(plaintext.subarray(0, plaintext.lastIndexOf(0x80))).toString());
  } catch (error) {
    throw error instanceof Refused ? error : new Refused("undecryptable", "sealed");
  }
}

function envelopeOf(headers) {
  const value = (name) => decodeURIComponent(headers.get(name) ?? "");
  const [id, type, number] = ["ce-id", "ce-type", "ce-feedsequence"].map(value);
  const [source, subject, started, hop] = ["ce-source", "ce-subject", "ce-traceparent", "traceparent"].map(value);
  const isPlain = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} \d{0,15}$/.test(`${id} ${number}`);
  if (!isPlain) throw new Refused("missing_attribute", "ce-id");
  return { id, source, type, name: type.replace(/^ml\.siraba\.(.*)\.v1$/, "$1"), subject, number: +number, started, hop };
}

/** Fields of a newer version are let by; a code or a type that we do not know is not. */
function bodyOf(type, data) {
  const check = checks.get(type);
  if (!check) throw new Refused("unknown_type", "ce-type");
  const body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  if (check(body)) return body;
  const [{ keyword, instancePath: field }] = check.errors;
  throw new Refused(keyword === "enum" ? "unknown_code" : "wrong_schema", field || "body");
}

