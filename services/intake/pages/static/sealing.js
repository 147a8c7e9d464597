// Seals answers so that this device cannot read them again: JWE compact, ECDH-ES with A256GCM.
"use strict";

const sealing = (() => {
  const BLOCK = 4096;
  const encoder = new TextEncoder();
  const P256 = { name: "ECDH", namedCurve: "P-256" };

  const base64url = (bytes) => {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };

  const number = (value) => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return bytes;
  };

  const joined = (...parts) => {
    const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  };

  // RFC 7518 §4.6.2: one round of the KDF, for 256 bits and without names of the two sides.
  const contentKey = async (agreed) => {
    const name = encoder.encode("A256GCM");
    const round = joined(
      number(1), new Uint8Array(agreed), number(name.length), name, number(0), number(0), number(256),
    );
    const key = await crypto.subtle.digest("SHA-256", round);
    return crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  };

  // Spaces behind JSON mean nothing, and the length says little.
  const padded = (said) => {
    const text = encoder.encode(JSON.stringify(said));
    const rest = (BLOCK - (text.length % BLOCK)) % BLOCK;
    return joined(text, new Uint8Array(rest).fill(0x20));
  };

  // lease: what the server gave, with the public key and its name.
  const seal = async (said, lease) => {
    const theirs = await crypto.subtle.importKey("jwk", lease.key, P256, false, []);
    const own = await crypto.subtle.generateKey(P256, false, ["deriveBits"]);
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", own.publicKey);
    const header = { alg: "ECDH-ES", enc: "A256GCM", kid: lease.name, epk: { kty, crv, x, y } };
    const shield = base64url(encoder.encode(JSON.stringify(header)));
    const agreed = await crypto.subtle.deriveBits(
      { name: "ECDH", public: theirs }, own.privateKey, 256,
    );
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = new Uint8Array(await crypto.subtle.encrypt(
      { name: "AES-GCM", iv, additionalData: encoder.encode(shield) },
      await contentKey(agreed), padded(said),
    ));
    const [text, tag] = [sealed.subarray(0, -16), sealed.subarray(-16)];
    return [shield, "", base64url(iv), base64url(text), base64url(tag)].join(".");
  };

  // RFC 9562 §5.7: the moment in milliseconds, then chance.
  const newKey = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    let rest = Date.now();
    for (let at = 5; at >= 0; at -= 1) {
      bytes[at] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    bytes[6] = (bytes[6] & 0x0f) | 0x70;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  };

  return { seal, newKey };
})();
