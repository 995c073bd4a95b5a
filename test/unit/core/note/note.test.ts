import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toBase64, utf8 } from '../../../../src/core/bytes.ts';
import type { NoteSignature } from '../../../../src/core/note/note.ts';
import {
  COSIGNATURE,
  ED25519,
  ed25519Verifier,
  formatNote,
  openNote,
  parseNote,
  parseVerifierKey,
  signNote,
} from '../../../../src/core/note/note.ts';
import { flip, sha256 } from '../merkle/fixture.ts';
import { party, verifyEd25519 } from './fixture.ts';

const malformed = expect.objectContaining({ code: 'malformed_note' });

/** The example in the documentation of golang.org/x/mod/sumdb/note. */
const NEUMANN_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const NEUMANN_TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const NEUMANN_NOTE = `${NEUMANN_TEXT}\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;

const log = party('example.com/log', 1);
const other = party('example.com/other', 2);
const text = 'Tertium\n\nnon datur.\n';
const signature: NoteSignature = { name: 'a', keyId: 0xfedcba98, signature: Uint8Array.of(1) };
const line = formatNote('x\n', [signature]).slice('x\n\n'.length);

describe('opening a note', () => {
  test("accepts the note and key of Go's own documentation", async () => {
    const verifier = ed25519Verifier(sha256, parseVerifierKey(sha256, NEUMANN_KEY), verifyEd25519);
    const opened = await openNote(NEUMANN_NOTE, [verifier]);
    expect(opened.text).toBe(NEUMANN_TEXT);
    expect(opened.verified.map(({ name, keyId }) => [name, keyId])).toEqual([['PeterNeumann', 0xc74f20a3]]);
  });

  test('accepts what its signers signed, and names those that are known', async () => {
    const note = await signNote(text, [log.signer, other.signer]);
    expect((await openNote(note, [log.verifier])).verified.map(({ verifier }) => verifier)).toEqual([log.verifier]);
    expect((await openNote(note, [other.verifier, log.verifier])).verified).toHaveLength(2);
  });

  test('refuses a note after any bit of its text or its signature flipped', async () => {
    const { signatures } = parseNote(await signNote('ab\n', [log.signer]));
    const genuine = signatures[0]!;
    const refusal = expect.objectContaining({
      code: expect.stringMatching(/^(signature_invalid|malformed_note)$/) as unknown,
    });
    for (let bit = 0; bit < 16; bit++) {
      const altered = `${String.fromCharCode(...flip(utf8('ab'), bit))}\n`;
      await expect(openNote(`${altered}\n${formatNote('x\n', [genuine]).slice(3)}`, [log.verifier])).rejects.toEqual(
        refusal,
      );
    }
    for (let bit = 0; bit < 512; bit += 3) {
      const forged = formatNote('ab\n', [{ ...genuine, signature: flip(genuine.signature, bit) }]);
      await expect(openNote(forged, [log.verifier])).rejects.toEqual(
        expect.objectContaining({ code: 'signature_invalid' }),
      );
    }
  });

  test('refuses a note that no known key has signed', async () => {
    const untrusted = expect.objectContaining({ code: 'checkpoint_untrusted' });
    const note = await signNote(text, [other.signer]);
    await expect(openNote(note, [log.verifier])).rejects.toEqual(untrusted);
    await expect(openNote(note, [])).rejects.toEqual(untrusted);
  });

  test('a known name with an unknown key ID, or the reverse, is an unknown key', async () => {
    const { signatures } = parseNote(await signNote(text, [log.signer]));
    const [genuine] = signatures as [NoteSignature];
    const strangers = [
      { ...genuine, keyId: genuine.keyId + 1 },
      { ...genuine, name: 'example.com/LOG' },
    ];
    await expect(openNote(formatNote(text, strangers), [log.verifier])).rejects.toEqual(
      expect.objectContaining({ code: 'checkpoint_untrusted' }),
    );
    expect((await openNote(formatNote(text, [...strangers, genuine]), [log.verifier])).verified).toHaveLength(1);
  });

  test('one bad line of a known key condemns the note, before or after a good one of the same key', async () => {
    const { signatures } = parseNote(await signNote(text, [log.signer, other.signer]));
    const [good, second] = signatures as [NoteSignature, NoteSignature];
    const bad = { ...good, signature: flip(good.signature, 9) };
    for (const lines of [
      [bad, good],
      [good, bad],
      [second, bad],
    ]) {
      await expect(openNote(formatNote(text, lines), [log.verifier, other.verifier])).rejects.toEqual(
        expect.objectContaining({ code: 'signature_invalid' }),
      );
    }
  });

  test('a signature that is repeated counts once', async () => {
    const { signatures } = parseNote(await signNote(text, [log.signer]));
    const note = formatNote(text, [...signatures, ...signatures, ...signatures]);
    expect((await openNote(note, [log.verifier])).verified).toHaveLength(1);
  });

  test('a signature over the text with its blank line is refused', async () => {
    const { signature: wide } = parseNote(await signNote(`${text}\n`, [log.signer])).signatures[0]!;
    const note = formatNote(text, [{ name: log.signer.name, keyId: log.signer.keyId, signature: wide }]);
    await expect(openNote(note, [log.verifier])).rejects.toEqual(
      expect.objectContaining({ code: 'signature_invalid' }),
    );
  });

  test('a signature of another length is refused, even if the library would take it', async () => {
    const { signatures } = parseNote(await signNote(text, [log.signer]));
    const [genuine] = signatures as [NoteSignature];
    const key = { name: log.signer.name, algorithm: ED25519, publicKey: log.publicKey };
    const careless = ed25519Verifier(sha256, key, () => true);
    for (const other of [genuine.signature.slice(0, 63), Uint8Array.of(...genuine.signature, 0)]) {
      const note = formatNote(text, [{ ...genuine, signature: other }]);
      await expect(openNote(note, [careless])).rejects.toEqual(expect.objectContaining({ code: 'signature_invalid' }));
    }
  });

  test('only the answer true verifies', async () => {
    const lax = { ...log.verifier, verify: () => 'yes' as unknown as boolean };
    await expect(openNote(await signNote(text, [log.signer]), [lax])).rejects.toEqual(
      expect.objectContaining({ code: 'signature_invalid' }),
    );
  });

  test('two verifiers of one name and key ID are a mistake of the reader', async () => {
    const note = await signNote(text, [log.signer]);
    await expect(openNote(note, [log.verifier, { ...log.verifier }])).rejects.toEqual(
      expect.objectContaining({ code: 'invalid_input' }),
    );
  });

  test('a cosignature key does not verify plain signatures', () => {
    const key = { name: 'witness', algorithm: COSIGNATURE, publicKey: log.publicKey };
    expect(() => ed25519Verifier(sha256, key, verifyEd25519)).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    );
    expect(log.verifier.algorithm).toBe(ED25519);
  });
});

describe('the form of a note', () => {
  const keyName = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 12 })
    // Stated apart from the code: the characters of White_Space, the plus sign and the ASCII controls.
    .filter(
      (name) =>
        !/[+\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/.test(name) &&
        [...name].every((c) => c > ' '),
    );
  const signatures = fc.array(
    fc.record({
      name: keyName,
      keyId: fc.integer({ min: 0, max: 0xffffffff }),
      signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    }),
    { minLength: 1, maxLength: 16 },
  );
  const anyText = fc
    .array(fc.oneof(fc.constant('\n'), fc.constant('\u2014 a AAAAAAA='), fc.string({ unit: 'binary' })), {
      maxLength: 6,
    })
    .map((parts) => `${[...parts.join('')].filter((c) => c >= ' ' || c === '\n').join('')}\n`);

  test('parse is the inverse of format for any text and signatures', () => {
    fc.assert(
      fc.property(anyText, signatures, (body, list) => {
        expect(parseNote(formatNote(body, list))).toEqual({ text: body, signatures: list });
      }),
      { numRuns: 300 },
    );
  });

  test('whatever parses is written back the same', () => {
    const piece = fc.constantFrom(
      '\n',
      '\n\n',
      'x',
      ' ',
      '\u2014',
      '\u2014 ',
      'a',
      '+',
      'AAAAAAA=',
      'AAAA',
      '=',
      '\r',
      line,
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const source = `x\n${pieces.join('')}\n${line}`;
        try {
          const note = parseNote(source);
          expect(formatNote(note.text, note.signatures)).toBe(source);
        } catch (error) {
          expect(error).toEqual(malformed);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('the text reaches to the last blank line', () => {
    expect(parseNote(`a\n\n\u2014 b c\n\n${line}`).text).toBe('a\n\n\u2014 b c\n');
    expect(parseNote(`\n\n${line}`).text).toBe('\n');
  });

  test('takes sixteen signatures and refuses seventeen', () => {
    expect(parseNote(`x\n\n${line.repeat(16)}`).signatures).toHaveLength(16);
    expect(() => parseNote(`x\n\n${line.repeat(17)}`)).toThrow(malformed);
    expect(() => formatNote('x\n', Array<NoteSignature>(17).fill(signature))).toThrow(malformed);
  });

  test('an unknown name may hold any character but spaces, plus and controls', () => {
    expect(parseNote('x\n\n\u2014 \u007f\u00e9\u{1f600}\u2014 AAAAAAA=\n').signatures[0]!.name).toBe(
      '\u007f\u00e9\u{1f600}\u2014',
    );
  });

  const signed = (rest: string) => `x\n\n${rest}`;
  test.each([
    ['nothing', ''],
    ['a text alone', 'x\n'],
    ['no blank line', `x\n${line}`],
    ['no text', `\n${line}`],
    ['no signature', 'x\n\n'],
    ['no final newline', signed(line.trimEnd())],
    ['a blank line at the end', `${signed(line)}\n`],
    ['a line after the signatures', signed(`${line}more\n`)],
    ['a carriage return', signed(line).replaceAll('\n', '\r\n')],
    ['a tab in the text', `x\ty\n\n${line}`],
    ['a NUL in the text', `x\0y\n\n${line}`],
    ['an escape character in a name', signed('\u2014 a\u001b AAAAAAA=\n')],
    ['a lone surrogate', `\ud800\n\n${line}`],
    ['a hyphen for the dash', signed(line.replace('\u2014', '-'))],
    ['an en dash for the em dash', signed(line.replace('\u2014', '\u2013'))],
    ['no space after the dash', signed(line.replace('\u2014 ', '\u2014'))],
    ['two spaces before the signature', signed(line.replace('a ', 'a  '))],
    ['a space after the signature', signed(line.replace('\n', ' \n'))],
    ['a signature without a name', signed('\u2014  AAAAAAA=\n')],
    ['a name without a signature', signed('\u2014 a\n')],
    ['a plus in a name', signed('\u2014 a+b AAAAAAA=\n')],
    ['a no-break space in a name', signed('\u2014 a\u00a0b AAAAAAA=\n')],
    ['an ideographic space in a name', signed('\u2014 a\u3000b AAAAAAA=\n')],
    ['a signature that is not base64', signed('\u2014 a AAAAAA?=\n')],
    ['base64 for URLs', signed('\u2014 a __-_AAA=\n')],
    ['base64 without padding', signed('\u2014 a AAAAAAA\n')],
    ['base64 with loose trailing bits', signed('\u2014 a AAAAAAB=\n')],
    ['a key ID without a signature', signed('\u2014 a AAAAAA==\n')],
    ['half a key ID', signed('\u2014 a AAA=\n')],
    ['a million characters', `${'x'.repeat(1_000_000)}\n\n${line}`],
  ])('does not parse %s', (_, source) => {
    expect(() => parseNote(source)).toThrow(malformed);
  });

  test.each([
    ['a text without a newline', 'x', [signature]],
    ['an empty text', '', [signature]],
    ['a control character', 'a\u0007\n', [signature]],
    ['no signatures', 'x\n', []],
    ['an empty name', 'x\n', [{ ...signature, name: '' }]],
    ['a name with a newline', 'x\n', [{ ...signature, name: 'a\nb' }]],
    ['a key ID of 2^32', 'x\n', [{ ...signature, keyId: 2 ** 32 }]],
    ['a negative key ID', 'x\n', [{ ...signature, keyId: -1 }]],
    ['a signature of no bytes', 'x\n', [{ ...signature, signature: new Uint8Array(0) }]],
    ['a million characters', `${'x'.repeat(1_000_000)}\n`, [signature]],
  ])('does not write %s', (_, body, list) => {
    expect(() => formatNote(body, list)).toThrow(malformed);
  });

  test('the key ID is written big-endian', () => {
    expect(line).toBe(`\u2014 a ${toBase64(Uint8Array.of(0xfe, 0xdc, 0xba, 0x98, 1))}\n`);
  });
});
