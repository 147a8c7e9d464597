// A whole partner program: read each message once, decide, answer, close; shows JSON lines.
//
//     SIRABA_DIR=shelter SIRABA_URL=tls://siraba.example:8422 SIRABA_SCHEMAS=bundle/schemas/feed \
//         node answering.js --policy accept
//
// SIRABA_CA is the authority's PEM file, if the certificate is not public. It speaks NATS only. Copy it and put your own work and your own decision where `work` and `answersTo` stand.
import { parseArgs } from "node:util";
import { run, show } from "./program.js";

const options = { policy: { type: "string", default: "accept" }, complete: { type: "boolean", default: false } };
const { policy, complete } = parseArgs({ options }).values;
const [, word, reason] = /^(silent|receive|accept|decline(?=:))(?::([a-z_]+))?$/.exec(policy) ?? [];
if (!word || (reason && word !== "decline")) throw new Error("--policy is silent, receive, accept or decline:REASON");

/**
 * Your own work for a message; after a crash it may be asked for again, so repeating it must be harmless.
 * @param {string} name `referral.offered` and so on
 * @param {any} body as its schema in contracts/schemas/feed says
 * @param {?Record<string, Record<string, string>>} dossier what a `dossier.disclosed` holds, opened
 */
async function work(name, body, dossier) {
  if (name === "consent.withdrawn") await erase(body);
  // Keep a dossier in your own files here.
  if (dossier) show("opened", { referral_id: body.referral_id, sections: Object.keys(dossier) });
}

/**
 * Erases what you were told of a referral on consent; when this returns, the program confirms it. This one
 * keeps nothing: erase your own copies here. `kept` names the other grounds on which you may keep something.
 */
const erase = async ({ referral_id, kept }) => show("forgotten", { referral_id, kept });

/** The requests that answer a message, asked for once: the answer is remembered. `code` is our own. */
function answersTo(name, body, code) {
  const ask = (verb, more = {}) => ({ name: verb, body: { referral_id: body.referral_id, ...more } });
  const isOurs = complete && body.organisation === code;
  if (name === "consent.withdrawn") return [ask("consent.acknowledge", { withdrawal_id: body.withdrawal_id })];
  if (name === "referral.accepted" && isOurs) return [ask("referral.start")];
  if (name === "referral.started" && isOurs) return [ask("referral.deliver")];
  if (name !== "referral.offered" || word === "silent") return [];
  const decision = { receive: [], accept: [ask("referral.accept")], decline: [ask("referral.decline", { reason })] };
  return [ask("referral.receive"), ...decision[word]];
}

await run({ work, answersTo }).catch((error) => { console.error(error.message); process.exitCode = 1; });
