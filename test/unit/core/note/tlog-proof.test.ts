import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toBase64 } from '../../../../src/core/bytes.ts';
import { proveInclusionFrom } from '../../../../src/core/merkle/proof.ts';
import { rootOf } from '../../../../src/core/merkle/tree.ts';
import { formatCheckpoint } from '../../../../src/core/note/checkpoint.ts';
import { signNote } from '../../../../src/core/note/note.ts';
import type { TlogProof } from '../../../../src/core/note/tlog-proof.ts';
import { formatTlogProof, parseTlogProof, verifyTlogProof } from '../../../../src/core/note/tlog-proof.ts';
import { flip, leaf, leaves, sha256, tilesOver } from '../merkle/fixture.ts';
import { party } from './fixture.ts';

const malformed = expect.objectContaining({ code: 'malformed_proof' });
const origin = 'example.com/log';
const log = party(origin, 1);
const expected = { leafHash: leaf(73), origin, verifiers: [log.verifier] };

let proof: TlogProof;
let text: string;

beforeAll(async () => {
  const hashes = leaves(300);
  const note = formatCheckpoint({ origin, size: 300, root: rootOf(sha256, hashes) });
  proof = {
    index: 73,
    proof: proveInclusionFrom(sha256, 73, 300, tilesOver(hashes)),
    checkpoint: await signNote(note, [log.signer]),
  };
  text = formatTlogProof(proof);
});

describe('verifying a proof file', () => {
  test('tells the place and the checkpoint of an entry that is in the log', async () => {
    const verdict = await verifyTlogProof(sha256, text, expected);
    expect(verdict.index).toBe(73);
    expect(verdict.checkpoint.size).toBe(300);
    expect(verdict.verified.map(({ name }) => name)).toEqual([origin]);
  });

  test.each<[string, (proof: TlogProof) => TlogProof]>([
    ['another index', (p) => ({ ...p, index: 72 })],
    ['an index outside the tree', (p) => ({ ...p, index: 300 })],
    ['a lost hash', (p) => ({ ...p, proof: p.proof.slice(1) })],
    ['an added hash', (p) => ({ ...p, proof: [...p.proof, leaf(1)] })],
    ['swapped hashes', (p) => ({ ...p, proof: [p.proof[1]!, p.proof[0]!, ...p.proof.slice(2)] })],
  ])('refuses %s', async (_, change) => {
    await expect(verifyTlogProof(sha256, formatTlogProof(change(proof)), expected)).rejects.toEqual(
      expect.objectContaining({ code: 'proof_invalid' }),
    );
  });

  test('refuses a flipped bit in each hash, and another entry', async () => {
    const invalid = expect.objectContaining({ code: 'proof_invalid' });
    for (const [i, hash] of proof.proof.entries()) {
      const flipped = formatTlogProof({ ...proof, proof: proof.proof.with(i, flip(hash, 31 * i)) });
      await expect(verifyTlogProof(sha256, flipped, expected)).rejects.toEqual(invalid);
    }
    await expect(verifyTlogProof(sha256, text, { ...expected, leafHash: leaf(74) })).rejects.toEqual(invalid);
  });

  test('refuses a checkpoint of another log, of another key, and a smaller tree under the same signature', async () => {
    const stranger = party(origin, 9);
    for (const [source, wrong, code] of [
      [text, { ...expected, origin: 'example.com/else' }, 'checkpoint_untrusted'],
      [text, { ...expected, verifiers: [stranger.verifier] }, 'checkpoint_untrusted'],
      [text.replace('\n300\n', '\n299\n'), expected, 'signature_invalid'],
    ] as const) {
      await expect(verifyTlogProof(sha256, source, wrong)).rejects.toEqual(expect.objectContaining({ code }));
    }
  });
});

describe('the form of a proof file', () => {
  test('is that of tlog-proof, the leaf-side hash first', () => {
    expect(text).toBe(
      `c2sp.org/tlog-proof@v1\nindex 73\n${proof.proof.map((hash) => `${toBase64(hash)}\n`).join('')}\n${proof.checkpoint}`,
    );
    expect(proof.proof[0]).toEqual(leaf(72));
  });

  test('parse is the inverse of format for any proof', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const parts = fc.record(
      { index: fc.maxSafeNat(), proof: fc.array(hash, { maxLength: 53 }), extra: fc.uint8Array({ minLength: 1 }) },
      { requiredKeys: ['index', 'proof'] },
    );
    fc.assert(
      fc.property(parts, (rest) => {
        const value: TlogProof = { ...rest, checkpoint: proof.checkpoint };
        expect(parseTlogProof(formatTlogProof(value))).toEqual(value);
      }),
    );
  });

  test('whatever parses is written back the same, after any one line is lost, doubled or swapped', () => {
    const edit = fc.record({ at: fc.nat(30), how: fc.constantFrom('lose', 'double', 'swap', 'blank'), to: fc.nat(30) });
    fc.assert(
      fc.property(edit, ({ at, how, to }) => {
        const lines = formatTlogProof({ ...proof, extra: leaf(9) }).split('\n');
        const [i, j] = [at % lines.length, to % lines.length];
        if (how === 'lose') lines.splice(i, 1);
        if (how === 'double') lines.splice(i, 0, lines[i]!);
        if (how === 'swap') [lines[i], lines[j]] = [lines[j]!, lines[i]!];
        if (how === 'blank') lines[i] = '';
        const source = lines.join('\n');
        try {
          expect(formatTlogProof(parseTlogProof(source))).toBe(source);
        } catch (error) {
          const codes = /^malformed_(proof|note)$/;
          expect(error).toEqual(expect.objectContaining({ code: expect.stringMatching(codes) as unknown }));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test.each<[string, (text: string) => string]>([
    ['nothing', () => ''],
    ['another version', (t) => t.replace('@v1', '@v2')],
    ['a blank before the header', (t) => ` ${t}`],
    ['a byte order mark', (t) => `\ufeff${t}`],
    ['carriage returns', (t) => t.replaceAll('\n', '\r\n')],
    ['no index', (t) => t.replace(/index 73\n/, '')],
    ['an index with a leading zero', (t) => t.replace('index 73', 'index 073')],
    ['a negative index', (t) => t.replace('index 73', 'index -73')],
    ['an index in hex', (t) => t.replace('index 73', 'index 0x49')],
    ['an index beyond 2^53', (t) => t.replace('index 73', 'index 9007199254740992')],
    ['a trailing space at the index', (t) => t.replace('index 73', 'index 73 ')],
    ['the index twice', (t) => t.replace('index 73', 'index 73\nindex 73')],
    ['empty extra data', (t) => t.replace('index', 'extra \nindex')],
    ['extra data that is not base64', (t) => t.replace('index', 'extra ?\nindex')],
    ['extra data twice', (t) => t.replace('index', 'extra AAAA\nextra AAAA\nindex')],
    ['extra data after the index', (t) => t.replace('index 73\n', 'index 73\nextra AAAA\n')],
    ['a hash of 33 bytes', (t) => t.replace('index 73\n', `index 73\n${toBase64(new Uint8Array(33))}\n`)],
    ['a hash without padding', (t) => t.replace('=\n', '\n')],
    ['54 hashes', (t) => t.replace('index 73\n', `index 73\n${`${toBase64(leaf(0))}\n`.repeat(54)}`)],
    [
      'a hundred thousand hashes',
      (t) => t.replace('index 73\n', `index 73\n${`${toBase64(leaf(0))}\n`.repeat(100_000)}`),
    ],
    ['no checkpoint', (t) => t.slice(0, t.indexOf('\n\n'))],
  ])('does not parse %s', (_, change) => {
    expect(() => parseTlogProof(change(text))).toThrow(malformed);
  });

  test.each<[string, (text: string) => string]>([
    ['an empty checkpoint', (t) => t.slice(0, t.indexOf('\n\n') + 2)],
    ['two blank lines before the checkpoint', (t) => t.replace('\n\n', '\n\n\n')],
    ['a checkpoint without a signature', (t) => t.slice(0, t.lastIndexOf('\n\n') + 2)],
    ['a checkpoint whose size has a leading zero', (t) => t.replace('\n300\n', '\n0300\n')],
    ['a byte after the checkpoint', (t) => `${t} `],
  ])('does not parse %s', (_, change) => {
    expect(() => parseTlogProof(change(text))).toThrow(expect.objectContaining({ code: 'malformed_note' }));
  });

  test('does not write what it could not read', () => {
    for (const wrong of [
      { index: -1 },
      { index: 2 ** 53 },
      { extra: new Uint8Array(0) },
      { proof: [new Uint8Array(31)] },
      { proof: Array.from({ length: 54 }, () => leaf(0)) },
    ]) {
      expect(() => formatTlogProof({ ...proof, ...wrong })).toThrow(malformed);
    }
  });
});
