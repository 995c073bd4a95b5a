import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromHex, toBase64 } from '../../../../src/core/bytes.ts';
import { proveConsistencyFrom } from '../../../../src/core/merkle/proof.ts';
import { rootOf } from '../../../../src/core/merkle/tree.ts';
import type { Checkpoint } from '../../../../src/core/note/checkpoint.ts';
import { formatCheckpoint, openCheckpoint } from '../../../../src/core/note/checkpoint.ts';
import { ED25519, ed25519Verifier, signNote } from '../../../../src/core/note/note.ts';
import {
  formatAddCheckpoint,
  formatTreeSize,
  judgeAdvance,
  parseAddCheckpoint,
  parseTreeSize,
} from '../../../../src/core/note/tlog-witness.ts';
import { flip, leaves, sha256, tilesOver } from '../merkle/fixture.ts';
import { party, verifyEd25519 } from './fixture.ts';

const malformed = expect.objectContaining({ code: expect.stringMatching(/^malformed_(proof|note)$/) as unknown });
const log = party('example.com/log', 1);
const all = leaves(40);
const tiles = tilesOver(all);
const tree = (size: number) => ({ size, root: rootOf(sha256, all.slice(0, size)) });
const forked = (size: number) => ({ size, root: rootOf(sha256, leaves(size, 1000)) });
const proof = (first: number, second: number) => proveConsistencyFrom(sha256, first, second, tiles);

let checkpoint: string;
beforeAll(async () => {
  checkpoint = await signNote(formatCheckpoint({ origin: 'example.com/log', ...tree(12) }), [log.signer]);
});

describe('a request to add a checkpoint', () => {
  test('parse is the inverse of format', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.array(hash, { maxLength: 63 }), (oldSize, hashes) => {
        const request = { oldSize, proof: hashes.map((bytes) => Uint8Array.from(bytes)), checkpoint };
        expect(parseAddCheckpoint(formatAddCheckpoint(request))).toEqual(request);
      }),
      { numRuns: 200 },
    );
  });

  test('has the form that the standard shows', () => {
    const text = formatAddCheckpoint({ oldSize: 5, proof: proof(5, 12), checkpoint });
    expect(text).toBe(`old 5\n${proof(5, 12).map(toBase64).join('\n')}\n\n${checkpoint}`);
    expect(formatAddCheckpoint({ oldSize: 0, proof: [], checkpoint })).toBe(`old 0\n\n${checkpoint}`);
  });

  test.each<[string, (text: string) => string]>([
    ['nothing', () => ''],
    ['a checkpoint alone', () => checkpoint],
    ['no old size', (text) => text.slice(text.indexOf('\n') + 1)],
    ['an old size with a leading zero', (text) => text.replace('old 5', 'old 05')],
    ['a negative old size', (text) => text.replace('old 5', 'old -5')],
    ['an old size beyond 2^53', (text) => text.replace('old 5', 'old 9007199254740993')],
    ['an old size of twenty digits', (text) => text.replace('old 5', 'old 18446744073709551615')],
    ['two blanks', (text) => text.replace('old 5', 'old  5')],
    ['another word', (text) => text.replace('old 5', 'new 5')],
    ['Windows line ends', (text) => text.replaceAll('\n', '\r\n')],
    ['a hash without padding', (text) => text.replace('=\n', '\n')],
    ['a hash of 31 bytes', (text) => text.replace(toBase64(proof(5, 12)[0]!), toBase64(proof(5, 12)[0]!.slice(1)))],
    ['a blank line more', (text) => text.replace('old 5\n', 'old 5\n\n')],
    ['64 hashes', (text) => text.replace('old 5\n', `old 5\n${`${toBase64(all[0]!)}\n`.repeat(61)}`)],
    ['a checkpoint without signatures', (text) => text.slice(0, text.lastIndexOf('\n— ') + 1)],
    ['a checkpoint that is none', (text) => text.replace('\n12\n', '\ntwelve\n')],
    ['no final newline', (text) => text.slice(0, -1)],
  ])('is refused with %s', (_, change) => {
    const text = formatAddCheckpoint({ oldSize: 5, proof: proof(5, 12), checkpoint });
    const changed = change(text);
    expect(changed).not.toBe(text);
    expect(() => parseAddCheckpoint(changed)).toThrow(malformed);
  });

  test('is not made with parts that no request can carry', () => {
    for (const wrong of [
      { oldSize: -1, proof: [], checkpoint },
      { oldSize: 2 ** 53, proof: [], checkpoint },
      { oldSize: 1, proof: [new Uint8Array(31)], checkpoint },
      { oldSize: 1, proof: Array.from({ length: 64 }, () => all[0]!), checkpoint },
      { oldSize: 1, proof: [], checkpoint: 'x' },
    ]) {
      expect(() => formatAddCheckpoint(wrong)).toThrow(malformed);
    }
  });
});

describe('a size in an answer', () => {
  test('is read back as it was written', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (size) => expect(parseTreeSize(formatTreeSize(size))).toBe(size)));
  });

  test.each(['', '5', '05\n', '5\n\n', ' 5\n', '-1\n', '5x\n', '1e3\n', '9007199254740992\n', '99999999999999999\n'])(
    'is refused when it reads %j',
    (text) => expect(() => parseTreeSize(text)).toThrow(malformed),
  );
});

describe('a witness', () => {
  const SIZES = Array.from({ length: 24 }, (_, size) => size);

  test('cosigns each pair of sizes of one log, and none of a fork', () => {
    for (const first of SIZES) {
      for (const second of SIZES.filter((size) => size >= first)) {
        const request = { oldSize: first, proof: proof(first, second) };
        expect(judgeAdvance(sha256, tree(first), tree(second), request)).toEqual({ outcome: 'cosign' });
        if (first === 0) continue;
        expect(judgeAdvance(sha256, tree(first), forked(second), request).outcome).toBe(
          first === second ? 'conflict' : 'proof_invalid',
        );
        expect(judgeAdvance(sha256, forked(first), tree(second), request).outcome).toBe(
          first === second ? 'conflict' : 'proof_invalid',
        );
      }
    }
  });

  test('refuses a proof with any hash corrupted, left out, doubled or added', () => {
    for (const first of SIZES.slice(1)) {
      for (const second of SIZES.filter((size) => size > first)) {
        const hashes = proof(first, second);
        const wrong = [
          ...hashes.map((hash, i) => hashes.with(i, flip(hash, 8 * i + 3))),
          ...hashes.map((_, i) => hashes.toSpliced(i, 1)),
          ...hashes.map((hash, i) => hashes.toSpliced(i, 0, hash)),
          [...hashes, all[0]!],
        ];
        for (const some of wrong) {
          const request = { oldSize: first, proof: some };
          expect(judgeAdvance(sha256, tree(first), tree(second), request)).toEqual({ outcome: 'proof_invalid' });
        }
      }
    }
  });

  test('says which size it holds to whoever names another one', () => {
    expect(judgeAdvance(sha256, tree(7), tree(12), { oldSize: 5, proof: proof(5, 12) })).toEqual({
      outcome: 'conflict',
      size: 7,
    });
    expect(judgeAdvance(sha256, undefined, tree(12), { oldSize: 5, proof: proof(5, 12) })).toEqual({
      outcome: 'conflict',
      size: 0,
    });
  });

  test('never goes back: a smaller tree is refused whatever is claimed', () => {
    for (const oldSize of SIZES) {
      const { outcome } = judgeAdvance(sha256, tree(12), tree(7), { oldSize, proof: [] });
      expect(outcome).toBe(oldSize > 7 ? 'size_invalid' : 'conflict');
    }
  });

  test('takes the first checkpoint of a log as it is, without a proof', () => {
    expect(judgeAdvance(sha256, undefined, tree(12), { oldSize: 0, proof: [] })).toEqual({ outcome: 'cosign' });
    expect(judgeAdvance(sha256, undefined, tree(12), { oldSize: 0, proof: [all[0]!] })).toEqual({
      outcome: 'proof_invalid',
    });
  });

  test('knows the only root that an empty log has', () => {
    expect(judgeAdvance(sha256, undefined, tree(0), { oldSize: 0, proof: [] })).toEqual({ outcome: 'cosign' });
    const wrong = { size: 0, root: all[0]! };
    expect(judgeAdvance(sha256, undefined, wrong, { oldSize: 0, proof: [] })).toEqual({ outcome: 'proof_invalid' });
  });
});

describe("the requests of litewitness's own test", () => {
  const vector = JSON.parse(readFileSync('test/vectors/witness/litewitness.json', 'utf8')) as {
    publicKey: string;
    logOrigin: string;
    requests: { body: string; status: number }[];
  };
  const { logOrigin: name } = vector;
  const verifier = ed25519Verifier(
    sha256,
    { name, algorithm: ED25519, publicKey: fromHex(vector.publicKey) },
    verifyEd25519,
  );
  const STATUS = { cosign: 200, size_invalid: 400, conflict: 409, proof_invalid: 422 } as const;

  test('get the same answers, in order', async () => {
    let last: Checkpoint | undefined;
    const answers: number[] = [];
    for (const { body } of vector.requests) {
      try {
        const request = parseAddCheckpoint(body);
        const { checkpoint: next } = await openCheckpoint(request.checkpoint, name, [verifier]);
        const { outcome } = judgeAdvance(sha256, last, next, request);
        if (outcome === 'cosign') last = next;
        answers.push(STATUS[outcome]);
      } catch (error) {
        const { code } = error as { code: string };
        expect(code).toMatch(/^(checkpoint_untrusted|signature_invalid|malformed_note)$/);
        answers.push(code === 'malformed_note' ? 400 : 403);
      }
    }
    // The signature that was changed there is no canonical base64 any more, so it is not even read here.
    expect(answers).toEqual(vector.requests.map(({ status }, i) => (i === 1 ? 400 : status)));
    expect(last?.size).toBe(5);
  });
});
