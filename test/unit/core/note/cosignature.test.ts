import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { concat, toHex, utf8 } from '../../../../src/core/bytes.ts';
import { openCheckpoint, formatCheckpoint } from '../../../../src/core/note/checkpoint.ts';
import {
  cosignatureVerifier,
  cosignedMessage,
  formatCosignature,
  parseCosignature,
} from '../../../../src/core/note/cosignature.ts';
import {
  COSIGNATURE,
  ED25519,
  formatNote,
  openNote,
  parseNote,
  parseVerifierKey,
  signNote,
} from '../../../../src/core/note/note.ts';
import { flip, leaves, sha256 } from '../merkle/fixture.ts';
import { rootOf } from '../../../../src/core/merkle/tree.ts';
import { cosigner, party, verifyEd25519 } from './fixture.ts';

const malformed = expect.objectContaining({ code: 'malformed_note' });
const TEXT = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
const witness = cosigner('witness.example/w', 3);
const open = (note: string, key: string) =>
  openNote(note, [cosignatureVerifier(sha256, parseVerifierKey(sha256, key), verifyEd25519)]);

/** Made by Go programs of others, with the Ed25519 seeds 0707…07 and 0808…08. */
const VECTORS = [
  [
    'filippo.io/torchwood v0.6.1',
    'witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs',
    'qkoJ0QAAAABrB4cGfwowVNL1qnt7qMQ1757WTxThL+YptGZFUt1KojtnpWkkXevJQhugBxO5UVDYvQ+owIWzu//Ddf9/fUlIZw4UAA==',
  ],
  [
    'github.com/transparency-dev/formats v0.1.2',
    'witness.example/w2+a0d3dfdb+BBOY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPK',
    'oNPf2wAAAABrB4cGYrryudNF0aqfxismMTKjIhVLCLt5V37Oq5+esk0tWYDEr6EkqvbDXc/ibW9y1kjoaRfvSxTUD19//dBBs8wcCA==',
  ],
] as const;

describe('cosignatures of others', () => {
  test.each(VECTORS)('verifies one that %s made', async (_, key, line) => {
    const note = `${TEXT}\n— ${key.split('+')[0]} ${line}\n`;
    const { text, verified } = await open(note, key);
    expect(text).toBe(TEXT);
    expect(parseCosignature(verified[0]!.signature).time).toBe(0x6b078706);
  });

  test('makes the very same bytes from the same key and time', async () => {
    const [, key, line] = VECTORS[0];
    const { signer } = cosigner('witness.example/w1', 7);
    expect(await signNote(TEXT, [signer(0x6b078706)])).toBe(`${TEXT}\n— ${key.split('+')[0]} ${line}\n`);
  });

  test('reads the example of the standard', () => {
    const line =
      'jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==';
    const { signatures } = parseNote(`${TEXT}\n— witness.example.com/w1 ${line}\n`);
    expect(signatures[0]!.keyId).toBe(0x8d66cf3f);
    expect(parseCosignature(signatures[0]!.signature).time).toBe(1679315147);
    expect(new TextDecoder().decode(cosignedMessage(1679315147, TEXT))).toBe(
      `cosignature/v1\ntime 1679315147\n${TEXT}`,
    );
  });

  test('reads the key of a witness that is in use', () => {
    const key = parseVerifierKey(sha256, 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2');
    expect(key).toMatchObject({ name: 'remora.n621.de', algorithm: COSIGNATURE });
  });
});

describe('the payload of a cosignature', () => {
  const times = fc.oneof(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1), fc.maxSafeNat());
  const signatures = fc.uint8Array({ minLength: 64, maxLength: 64 });

  test('parse is the inverse of format', () => {
    fc.assert(
      fc.property(times, signatures, (time, signature) => {
        const payload = formatCosignature({ time, signature });
        expect(payload).toHaveLength(72);
        expect(parseCosignature(payload)).toEqual({ time, signature: Uint8Array.from(signature) });
      }),
    );
  });

  test('format is the inverse of parse for whatever parses', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 72, maxLength: 72 }), (bytes) => {
        bytes[0] = 0;
        bytes[1]! &= 0x1f;
        expect(toHex(formatCosignature(parseCosignature(bytes)))).toBe(toHex(bytes));
      }),
    );
  });

  test('reads a part of a larger buffer', () => {
    const payload = formatCosignature({ time: 77, signature: new Uint8Array(64).fill(9) });
    expect(parseCosignature(concat(utf8('xyz'), payload).subarray(3)).time).toBe(77);
  });

  test.each([
    ['no bytes', new Uint8Array(0)],
    ['a plain signature', new Uint8Array(64)],
    ['a byte too few', new Uint8Array(71)],
    ['a byte too many', new Uint8Array(73)],
    ['a time of 2^53', concat(Uint8Array.of(0, 32, 0, 0, 0, 0, 0, 0), new Uint8Array(64))],
    ['a time that is negative as a signed number', concat(new Uint8Array(8).fill(255), new Uint8Array(64))],
  ])('does not parse %s', (_, payload) => {
    expect(() => parseCosignature(payload)).toThrow(malformed);
  });

  test.each([-1, 0.5, 2 ** 53, Number.NaN])('does not write the time %s', (time) => {
    expect(() => formatCosignature({ time, signature: new Uint8Array(64) })).toThrow(malformed);
    expect(() => cosignedMessage(time, TEXT)).toThrow(malformed);
  });

  test('does not write a signature of another length', () => {
    expect(() => formatCosignature({ time: 1, signature: new Uint8Array(63) })).toThrow(malformed);
  });
});

describe('a cosigned checkpoint', () => {
  const log = party('example.com/behind-the-sofa', 1);
  const note = () => signNote(TEXT, [log.signer, witness.signer(1_700_000_000)]);

  test('opens under the keys of log and witness, which count as two', async () => {
    const opened = await openCheckpoint(await note(), 'example.com/behind-the-sofa', [log.verifier, witness.verifier]);
    expect(opened.verified.map(({ name }) => name)).toEqual(['example.com/behind-the-sofa', 'witness.example/w']);
  });

  test('says nothing for the log: a cosignature alone does not make it the log’s', async () => {
    const alone = await signNote(TEXT, [witness.signer(1)]);
    await expect(
      openCheckpoint(alone, 'example.com/behind-the-sofa', [log.verifier, witness.verifier]),
    ).rejects.toEqual(expect.objectContaining({ code: 'checkpoint_untrusted' }));
    const named = cosigner('example.com/behind-the-sofa', 3);
    const posing = await signNote(TEXT, [named.signer(1)]);
    await expect(openCheckpoint(posing, 'example.com/behind-the-sofa', [named.verifier])).rejects.toEqual(
      expect.objectContaining({ code: 'checkpoint_untrusted' }),
    );
  });

  test('is refused with any one bit of time or signature flipped', async () => {
    const parsed = parseNote(await note());
    for (let bit = 0; bit < 72 * 8; bit++) {
      const cosigned = { ...parsed.signatures[1]!, signature: flip(parsed.signatures[1]!.signature, bit) };
      const changed = formatNote(parsed.text, [parsed.signatures[0]!, cosigned]);
      await expect(openNote(changed, [log.verifier, witness.verifier])).rejects.toMatchObject({
        code: expect.stringMatching(/^(signature_invalid|malformed_note)$/) as unknown,
      });
    }
  });

  test('is refused when the cosignature belongs to another checkpoint of the same log', async () => {
    const other = formatCheckpoint({ origin: 'example.com/behind-the-sofa', size: 2, root: rootOf(sha256, leaves(2)) });
    const { signatures } = parseNote(await signNote(other, [witness.signer(1)]));
    const grafted = formatNote(TEXT, [...parseNote(await signNote(TEXT, [log.signer])).signatures, ...signatures]);
    await expect(openNote(grafted, [log.verifier, witness.verifier])).rejects.toMatchObject({
      code: 'signature_invalid',
    });
  });

  test('is not opened by a plain signature of the witness key under either ID', async () => {
    const plain = party('witness.example/w', 3);
    const { signature } = parseNote(await signNote(TEXT, [plain.signer])).signatures[0]!;
    const { keyId } = witness.verifier;
    const posing = formatNote(TEXT, [{ name: 'witness.example/w', keyId, signature }]);
    await expect(openNote(posing, [witness.verifier])).rejects.toMatchObject({ code: 'malformed_note' });
    await expect(openNote(await signNote(TEXT, [plain.signer]), [witness.verifier])).rejects.toMatchObject({
      code: 'checkpoint_untrusted',
    });
  });
});

describe('cosigning', () => {
  test.each([
    ['no checkpoint', 'hello\n'],
    ['a checkpoint without its final newline', TEXT.slice(0, -1)],
    ['a checkpoint with a size in two spellings', TEXT.replace('20852163', '020852163')],
    ['a message that begins as a cosignature does', `cosignature/v1\ntime 1\n${TEXT}`],
  ])('is refused for %s', async (_, text) => {
    await expect(witness.signer(1).sign(utf8(text))).rejects.toEqual(malformed);
  });

  test('takes no key of another type for a witness’s', () => {
    const { publicKey } = party('w', 1);
    expect(() => cosignatureVerifier(sha256, { name: 'w', algorithm: ED25519, publicKey }, verifyEd25519)).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    );
  });
});
