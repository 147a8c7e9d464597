// Prints what @asyncapi/parser finds in the document on standard input: a list of severity, place and message.

import { Parser } from "@asyncapi/parser";
import { text } from "node:stream/consumers";

const SEVERITIES = ["error", "warning", "information", "hint"];

const { document, diagnostics } = await new Parser().parse(await text(process.stdin));
const found = diagnostics.map(({ severity, path, code, message }) => ({
  severity: SEVERITIES[severity],
  place: path.join("."),
  code: String(code),
  message,
}));
console.log(JSON.stringify({ found, operations: document ? document.operations().all().length : null }));
