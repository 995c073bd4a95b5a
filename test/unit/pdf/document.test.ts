import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { fontsFor } from '../../../src/pdf/fonts.ts';
import type { DocumentFacts, Part } from '../../../src/pdf/index.ts';
import { writePdf } from '../../../src/pdf/index.ts';

const facts: DocumentFacts = { title: 'A document', foot: 'foot', created: new Date('2026-01-02T00:00:00.000Z') };

async function bytesOf(parts: readonly Part[], different: Partial<DocumentFacts> = {}): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const to = new Writable({
    write(piece: Buffer, _, done) {
      pieces.push(piece);
      done();
    },
  });
  await writePdf({ ...facts, ...different }, parts, () => to);
  return Buffer.concat(pieces);
}

const parts: Part[] = [
  { kind: 'title', text: 'Abstract' },
  {
    kind: 'fields',
    rows: [
      ['asset', 'registration_0'],
      ['two lines', 'one\ntwo'],
    ],
  },
  { kind: 'warning', text: 'Open: 模型' },
];

describe('a document', () => {
  test('of the same parts has the same bytes, and of others it has not', async () => {
    const once = await bytesOf(parts);
    expect(once.subarray(0, 8).toString('latin1')).toBe('%PDF-1.7');
    expect(await bytesOf(parts)).toEqual(once);
    expect(await bytesOf([...parts, { kind: 'text', text: 'more' }])).not.toEqual(once);
  }, 60_000);

  test('holds no font that is not embedded', async () => {
    expect((await bytesOf(parts)).toString('latin1')).not.toContain('Helvetica');
  }, 60_000);

  test('goes on over pages', async () => {
    const long = Array.from({ length: 200 }, (_, i): Part => ({ kind: 'lead', text: `Entry ${i}` }));
    const pages = (await bytesOf(long)).toString('latin1').match(/\/Type \/Page\n/g);
    expect(pages?.length).toBeGreaterThan(3);
  }, 60_000);

  test('fails where it cannot be written', async () => {
    const broken = new Writable({ write: (_, __, done) => done(new Error('the disk is full')) });
    await expect(writePdf(facts, parts, () => broken)).rejects.toThrow('the disk is full');
  }, 60_000);
});

describe('the fonts', () => {
  test('have names in many languages, each character in one run of one font', async () => {
    const text = 'Łódź Ωμέγα Пётр 北京智谱 Đà Nẵng';
    const fonts = await fontsFor([text]);
    const cut = fonts.runs(text, 'bold');
    expect(cut.map((run) => run.text).join('')).toBe(text);
    for (const { font } of cut) expect(fonts.all.has(font)).toBe(true);
    expect(cut.every((run, i) => i === 0 || cut[i - 1]!.font !== run.font)).toBe(true);
  }, 60_000);

  test('write a character that they do not have as its code point', async () => {
    const text = 'شركة 😀 \u0007';
    const fonts = await fontsFor([text]);
    expect(
      fonts
        .runs(text, 'regular')
        .map((run) => run.text)
        .join(''),
    ).toBe('[U+0634][U+0631][U+0643][U+0629] [U+1F600] [U+0007]');
  }, 60_000);
});
