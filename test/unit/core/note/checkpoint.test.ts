import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toBase64 } from '../../../../src/core/bytes.ts';
import type { Checkpoint } from '../../../../src/core/note/checkpoint.ts';
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from '../../../../src/core/note/checkpoint.ts';
import { COSIGNATURE, signNote } from '../../../../src/core/note/note.ts';
import { leaf } from '../merkle/fixture.ts';
import { party } from './fixture.ts';

const malformed = expect.objectContaining({ code: 'malformed_note' });
const untrusted = expect.objectContaining({ code: 'checkpoint_untrusted' });

const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=';

describe('checkpoints', () => {
  test('the example of tlog-checkpoint parses and is written back', () => {
    const text = `example.com/behind-the-sofa\n20852163\n${ROOT}\n`;
    const checkpoint = parseCheckpoint(text);
    expect(checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163, extensions: [] });
    expect(toBase64(checkpoint.root)).toBe(ROOT);
    expect(formatCheckpoint(checkpoint)).toBe(text);
  });

  test('extension lines are kept, and may be left out when writing', () => {
    const text = `o\n0\n${ROOT}\nTimestamp: 1\nmore of it\n`;
    expect(parseCheckpoint(text).extensions).toEqual(['Timestamp: 1', 'more of it']);
    expect(formatCheckpoint(parseCheckpoint(text))).toBe(text);
    expect(formatCheckpoint({ origin: 'o', size: 0, root: leaf(0) })).toBe(`o\n0\n${toBase64(leaf(0))}\n`);
  });

  test('parse is the inverse of format for any checkpoint', () => {
    const oneLine = fc.string({ unit: 'binary', minLength: 1 }).filter((line) => [...line].every((c) => c >= ' '));
    const any: fc.Arbitrary<Checkpoint> = fc.record({
      origin: oneLine,
      size: fc.maxSafeNat(),
      root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      extensions: fc.array(oneLine, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(any, (checkpoint) => expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint)),
    );
  });

  test('whatever parses is written back the same', () => {
    const piece = fc.constantFrom('o', '\n', '0', '1', '00', '9007199254740991', '9', ROOT, '=', ' ', '-', '\r', '\t');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const text = pieces.join('');
        try {
          expect(formatCheckpoint(parseCheckpoint(text))).toBe(text);
        } catch (error) {
          expect(error).toEqual(malformed);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ['nothing', ''],
    ['two lines', 'o\n1\n'],
    ['no final newline', `o\n1\n${ROOT}`],
    ['an empty origin', `\n1\n${ROOT}\n`],
    ['an empty size', `o\n\n${ROOT}\n`],
    ['a size with a leading zero', `o\n007\n${ROOT}\n`],
    ['a size of two zeroes', `o\n00\n${ROOT}\n`],
    ['a negative size', `o\n-1\n${ROOT}\n`],
    ['a size with a plus', `o\n+1\n${ROOT}\n`],
    ['a size with a space', `o\n1 \n${ROOT}\n`],
    ['a fraction', `o\n1.0\n${ROOT}\n`],
    ['an exponent', `o\n1e3\n${ROOT}\n`],
    ['hexadecimal', `o\n0x10\n${ROOT}\n`],
    ['digits of another script', `o\n\u0661\n${ROOT}\n`],
    ['a size of 2^53', `o\n9007199254740992\n${ROOT}\n`],
    ['a size beyond any number', `o\n${'9'.repeat(400)}\n${ROOT}\n`],
    ['an empty root', 'o\n1\n\n'],
    ['a root of 31 bytes', `o\n1\n${toBase64(new Uint8Array(31))}\n`],
    ['a root of 33 bytes', `o\n1\n${toBase64(new Uint8Array(33))}\n`],
    ['a root without padding', `o\n1\n${ROOT.slice(0, -1)}\n`],
    ['a root with loose trailing bits', `o\n1\n${ROOT.slice(0, -2)}J=\n`],
    ['a root in hex', `o\n1\n${'ab'.repeat(32)}\n`],
    ['an empty extension line', `o\n1\n${ROOT}\n\n`],
    ['an empty line before an extension', `o\n1\n${ROOT}\n\nmore\n`],
    ['carriage returns', `o\r\n1\r\n${ROOT}\r\n`],
    ['a tab in the origin', `o\to\n1\n${ROOT}\n`],
  ])('does not parse %s', (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(malformed);
  });

  test.each([
    ['an origin of two lines', { origin: 'a\nb' }],
    ['an empty origin', { origin: '' }],
    ['a lone surrogate', { origin: '\ud800' }],
    ['a fractional size', { size: 0.5 }],
    ['a size of 2^53', { size: 2 ** 53 }],
    ['a negative size', { size: -1 }],
    ['a short root', { root: new Uint8Array(31) }],
    ['an extension of two lines', { extensions: ['a\n5'] }],
  ])('does not write %s', (_, wrong) => {
    expect(() => formatCheckpoint({ origin: 'o', size: 1, root: leaf(0), ...wrong })).toThrow(malformed);
  });
});

describe('opening a checkpoint', () => {
  const log = party('example.com/log', 1);
  const neighbor = party('example.com/neighbor', 2);
  const text = formatCheckpoint({ origin: 'example.com/log', size: 5, root: leaf(5) });

  test('gives the checkpoint that the log signed', async () => {
    const opened = await openCheckpoint(await signNote(text, [neighbor.signer, log.signer]), 'example.com/log', [
      log.verifier,
    ]);
    expect(opened.checkpoint).toEqual({ origin: 'example.com/log', size: 5, root: leaf(5), extensions: [] });
    expect(opened.text).toBe(text);
    expect(opened.verified).toHaveLength(1);
  });

  test("refuses another log's checkpoint, however well signed", async () => {
    const foreign = formatCheckpoint({ origin: 'example.com/neighbor', size: 5, root: leaf(5) });
    const keys = [log.verifier, neighbor.verifier];
    const note = await signNote(foreign, [neighbor.signer, log.signer]);
    await expect(openCheckpoint(note, 'example.com/log', keys)).rejects.toEqual(untrusted);
  });

  test("refuses a checkpoint in the log's name that only another trusted log signed", async () => {
    const keys = [log.verifier, neighbor.verifier];
    await expect(openCheckpoint(await signNote(text, [neighbor.signer]), 'example.com/log', keys)).rejects.toEqual(
      untrusted,
    );
  });

  test('refuses a checkpoint that only a witness signed', async () => {
    const witness = { ...log.verifier, algorithm: COSIGNATURE };
    await expect(openCheckpoint(await signNote(text, [log.signer]), 'example.com/log', [witness])).rejects.toEqual(
      untrusted,
    );
  });

  test('refuses a signed text that is no checkpoint', async () => {
    const note = await signNote('example.com/log\n05\n\n', [log.signer]);
    await expect(openCheckpoint(note, 'example.com/log', [log.verifier])).rejects.toEqual(malformed);
  });
});
