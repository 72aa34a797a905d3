/*
 * Tokens as Windows may send them: 16 bytes of filler (EC 16) and one of several rotations. MIT never makes these, so
 * they are made here from the session key, after RFC 3961 5.1 and 5.3, RFC 3962 6 and RFC 4121 4.2.4 alone.
 */
import assert from 'node:assert/strict';
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gssapiMechanism } from '@exchange-connector/gssapi';
import { AES_SHA1 } from '@exchange-connector/rehearsal';
import { noPython, PythonPeer } from './python-peer.ts';
import { realmForTest } from './realm-for-tests.ts';

const target = 'HTTP/mail.example.test';
const BLOCK = 16;
/** RFC 4121 2: KG-USAGE-ACCEPTOR-SEAL. */
const ACCEPTOR_SEAL = 22;

/** RFC 3961 5.1: the folding of `input` to `bytes` bytes. */
function nFold(input: Buffer, bytes: number): Buffer {
  const greatest = (a: number, b: number): number => (b === 0 ? a : greatest(b, a % b));
  const total = (input.length * bytes) / greatest(input.length, bytes);
  const bits = input.length * 8;
  const out = Buffer.alloc(bytes);
  let carry = 0;
  for (let index = total - 1; index >= 0; index -= 1) {
    // Byte `index` of the repeated input, of which each copy is rotated right by 13 bits more than the one before.
    const copy = Math.floor(index / input.length);
    const start = ((index % input.length) * 8 - 13 * copy + bits * 13 * (copy + 1)) % bits;
    let byte = 0;
    for (let bit = 0; bit < 8; bit += 1) {
      const at = (start + bit) % bits;
      byte = (byte << 1) | (((input[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    }
    const sum = (out[index % bytes] ?? 0) + byte + carry;
    out[index % bytes] = sum & 0xff;
    carry = sum >> 8;
  }
  // One's complement: the carry out of the top comes in at the bottom.
  for (let index = bytes - 1; carry > 0; index = (index + bytes - 1) % bytes) {
    const sum = (out[index] ?? 0) + carry;
    out[index] = sum & 0xff;
    carry = sum >> 8;
  }
  return out;
}

function encryptBlocks(key: Buffer, text: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-cbc', key, Buffer.alloc(BLOCK)).setAutoPadding(false);
  return Buffer.concat([cipher.update(text), cipher.final()]);
}

/** RFC 3961 5.3: DK(base key, usage). */
function deriveKey(key: Buffer, usage: number, purpose: number): Buffer {
  const constant = Buffer.alloc(5);
  constant.writeUInt32BE(usage);
  constant[4] = purpose;
  const first = encryptBlocks(key, nFold(constant, BLOCK));
  return Buffer.concat([first, encryptBlocks(key, first)]);
}

/** RFC 3962 5: CBC with ciphertext stealing, the last two blocks always exchanged. */
function encryptStealing(key: Buffer, text: Buffer): Buffer {
  const padded = Buffer.concat([text, Buffer.alloc((BLOCK - (text.length % BLOCK)) % BLOCK)]);
  const whole = encryptBlocks(key, padded);
  if (whole.length === BLOCK) return whole;
  const end = whole.length - 2 * BLOCK;
  const [last, previous] = [whole.subarray(end + BLOCK), whole.subarray(end, end + BLOCK)];
  return Buffer.concat([whole.subarray(0, end), last, previous]).subarray(0, text.length);
}

function sealAsAcceptor(options: {
  key: Buffer;
  like: Buffer;
  plaintext: Buffer;
  filler: number;
  rotation: number;
}): Buffer {
  const { key, like, plaintext, filler, rotation } = options;
  const header = Buffer.from(like.subarray(0, 16));
  header.writeUInt16BE(filler, 4);
  header.writeUInt16BE(0, 6);
  const text = Buffer.concat([randomBytes(BLOCK), plaintext, Buffer.alloc(filler, 0xff), header]);
  const checksum = createHmac('sha1', deriveKey(key, ACCEPTOR_SEAL, 0x55))
    .update(text)
    .digest()
    .subarray(0, 12);
  const body = Buffer.concat([encryptStealing(deriveKey(key, ACCEPTOR_SEAL, 0xaa), text), checksum]);
  const by = rotation % body.length;
  header.writeUInt16BE(rotation, 6);
  return Buffer.concat([header, body.subarray(body.length - by), body.subarray(0, body.length - by)]);
}

test('n-fold gives the values of RFC 3961 A.1', () => {
  assert.equal(nFold(Buffer.from('012345'), 8).toString('hex'), 'be072631276b1955');
  assert.equal(nFold(Buffer.from('password'), 7).toString('hex'), '78a07b6caf85fa');
  assert.equal(nFold(Buffer.from('kerberos'), 16).toString('hex'), '6b65726265726f737b9b5b2b93132b93');
});

test('tokens with filler and with any rotation open to the plaintext', { skip: noPython }, async (t) => {
  const realm = await realmForTest(t, {
    enctypes: [AES_SHA1],
    principals: [
      { name: 'alice', keytab: 'alice.keytab' },
      { name: target, keytab: 'http.keytab' },
    ],
  });
  const theirs = new PythonPeer('accept', 'kerberos', target, realm.keytab('http.keytab'));
  t.after(() => theirs.end());
  const credential = { kind: 'keytab', file: realm.keytab('alice.keytab') } as const;
  const ours = gssapiMechanism().initiate({ target, scheme: 'kerberos', credential });
  const [answer] = await theirs.ask('step', (await ours.step()) ?? Buffer.alloc(0));
  await ours.step(answer);
  const [key] = await theirs.ask('session-key');
  assert.equal(key?.length, 32);
  for (const size of [0, 1, 120, 4097, 200_000]) {
    for (const [filler, rotation] of [
      [0, 28],
      [16, 44],
      [16, 28],
      [16, 0],
      [3, 31],
      [0, 60_000],
    ] as const) {
      // A real token of theirs gives flags and sequence number, and is replaced by the one made here.
      const [like] = await theirs.ask('wrap', Buffer.from('x'));
      assert.ok(key !== undefined && like !== undefined);
      const plaintext = randomBytes(size);
      const token = sealAsAcceptor({ key, like, plaintext, filler, rotation });
      // [MS-WSMV] 2.2.9.1: the header's length stands before it; 76 bytes with filler.
      const cut = Math.min(token.length, 16 + 28 + 16 + filler);
      const opened = await ours.unwrap(token.subarray(0, cut), token.subarray(cut));
      assert.deepEqual(Buffer.from(opened), plaintext, `size ${size}, EC ${filler}, RRC ${rotation}`);
    }
  }
});
