/**
 * Verification of a journal entry in this browser, from its proof's text alone.
 *
 * The text is a C2SP tlog-proof (`c2sp.org/tlog-proof@v1`): the entry, its index, the hashes of RFC 9162 section 2.1.3.2
 * from the leaf's sibling up, and a C2SP signed-note checkpoint with an Ed25519 signature (type byte 0x01). Every step
 * that fails says which one it was; nothing here trusts the server's word that an entry is good.
 */
import { fromBase64, toBase64, toHex } from "./encoding.js";

const HEADER = "c2sp.org/tlog-proof@v1";
const SIZE = /^(0|[1-9][0-9]{0,15})$/;
const ED25519 = 1;
const UTF8 = new TextEncoder();

/** A step of a verification that did not hold. */
export class NotProven extends Error {}

async function sha256(...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

const leafHash = (leaf) => sha256(Uint8Array.of(0), leaf);
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);
const same = (left, right) => left.length === right.length && left.every((byte, at) => byte === right[at]);

function decode(text, what) {
  try {
    return fromBase64(text);
  } catch {
    throw new NotProven(`${what} is not base64`);
  }
}

function after(line, prefix) {
  if (!line?.startsWith(prefix)) throw new NotProven(`a line that begins with “${prefix.trim()}” is missing`);
  return line.slice(prefix.length);
}

/** The parts of a proof's text: `{leaf, index, path, note}`. Raises NotProven. */
export function readProof(text) {
  const blank = text.indexOf("\n\n");
  if (blank < 0) throw new NotProven("the proof holds no checkpoint");
  const head = text.slice(0, blank).split("\n");
  if (head[0] !== HEADER) throw new NotProven("this is no C2SP tlog-proof");
  const index = after(head[2], "index ");
  if (!SIZE.test(index)) throw new NotProven("the index is no number");
  return {
    leaf: decode(after(head[1], "extra "), "the entry"),
    index: Number(index),
    path: head.slice(3).map((line) => decode(line, "a hash of the path")),
    note: text.slice(blank + 2),
  };
}

/** What a signed note says: `{origin, size, root, body, signatures}`. Raises NotProven. */
export function readCheckpoint(note) {
  const blank = note.lastIndexOf("\n\n");
  if (blank < 0 || !note.endsWith("\n")) throw new NotProven("the checkpoint is no signed note");
  const body = note.slice(0, blank + 1);
  const lines = body.slice(0, -1).split("\n");
  if (lines.length !== 3 || !SIZE.test(lines[1])) throw new NotProven("the checkpoint is malformed");
  const signatures = note
    .slice(blank + 2, -1)
    .split("\n")
    .map((line) => {
      const [dash, name, encoded, more] = line.split(" ");
      if (dash !== "—" || !name || !encoded || more !== undefined) throw new NotProven("a signature line is malformed");
      return { name, blob: decode(encoded, "a signature") };
    });
  return { origin: lines[0], size: Number(lines[1]), root: decode(lines[2], "the root"), body, signatures };
}

/** The root that a leaf's hash and its path lead to (RFC 9162 section 2.1.3.2). Raises NotProven. */
export async function rootOf(index, size, hash, path) {
  if (index >= size) throw new NotProven(`entry ${index} is not in a journal of ${size}`);
  let node = index;
  let last = size - 1;
  let root = hash;
  for (const sibling of path) {
    if (last === 0) throw new NotProven("the path is too long");
    if (node % 2 === 1 || node === last) {
      root = await nodeHash(sibling, root);
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else {
      root = await nodeHash(root, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new NotProven("the path is too short");
  return root;
}

/** The public key of a C2SP verifier key `name+hash+base64`: `{name, hash, key}`. Raises NotProven. */
export async function readVerifierKey(vkey) {
  const [name, hash, ...rest] = vkey.trim().split("+");
  const blob = decode(rest.join("+"), "the verifier key");
  if (blob.length !== 33 || blob[0] !== ED25519) throw new NotProven("the verifier key is no Ed25519 key");
  const expected = (await sha256(UTF8.encode(`${name}\n`), blob)).slice(0, 4);
  if (toHex(expected) !== hash) throw new NotProven("the verifier key does not match its own hash");
  return { name, hash: expected, key: blob.slice(1) };
}

/** Whether the checkpoint is signed by the key: "signed", or "unsupported" in a browser without Ed25519. Raises NotProven. */
export async function verifySignature(checkpoint, vkey) {
  const { name, hash, key } = await readVerifierKey(vkey);
  if (checkpoint.origin !== name) throw new NotProven(`the checkpoint is of ${checkpoint.origin}, the key of ${name}`);
  const found = checkpoint.signatures.find((it) => it.name === name && same(it.blob.slice(0, 4), hash));
  if (!found) throw new NotProven("no signature is by this key");
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    if (error.name === "NotSupportedError") return "unsupported";
    throw new NotProven("the verifier key is not usable");
  }
  const good = await crypto.subtle.verify("Ed25519", imported, found.blob.slice(4), UTF8.encode(checkpoint.body));
  if (!good) throw new NotProven("the checkpoint's signature is wrong");
  return "signed";
}

/**
 * Verifies a proof's text.
 * @param {string} text the proof
 * @param {string} vkey the journal's verifier key, or "" where none is known
 * @param {number} seq the entry that was asked for
 * @returns {Promise<{entry: any, line: string, checkpoint: any, root: string, signature: "signed" | "unsupported" | "no key"}>}
 * Raises NotProven.
 */
export async function verifyProof(text, vkey, seq) {
  const proof = readProof(text);
  const checkpoint = readCheckpoint(proof.note);
  if (proof.index !== seq) throw new NotProven(`the proof is of entry ${proof.index}, not of ${seq}`);
  const root = await rootOf(proof.index, checkpoint.size, await leafHash(proof.leaf), proof.path);
  if (!same(root, checkpoint.root)) throw new NotProven("the hashes do not lead to the checkpoint's root");
  const signature = vkey ? await verifySignature(checkpoint, vkey) : "no key";
  const line = new TextDecoder("utf-8", { fatal: true }).decode(proof.leaf);
  const entry = JSON.parse(line);
  if (entry.seq !== seq) throw new NotProven(`the proven entry calls itself ${entry.seq}`);
  return { entry, line, checkpoint, root: toBase64(root), signature };
}
