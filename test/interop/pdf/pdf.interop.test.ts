/** Documents in print, read by Poppler and checked by QPDF. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Part } from '../../../src/pdf/index.ts';
import { writePdf } from '../../../src/pdf/index.ts';

jest.setTimeout(120_000);
const missing = ['pdftotext', 'pdffonts', 'pdfinfo', 'qpdf'].filter((tool) => spawnSync(tool, ['--version']).error);
// In CI nothing is left out: there the tests run, and fail.
const mustRun = missing.length === 0 || process.env['CI'] === 'true';
if (!mustRun) process.stderr.write(`SKIPPED: documents read by others: there is no ${missing.join(', ')}\n`);

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const names = ['北京智谱华章科技有限公司', 'Łódź Models', 'Ωμέγα ΑΕ', 'Пётр'];
const parts: Part[] = [
  { kind: 'title', text: 'Abstract of title of “模型”' },
  { kind: 'heading', text: 'Owners' },
  ...names.map((name): Part => ({ kind: 'lead', text: `1/4   ${name}` })),
  ...Array.from({ length: 60 }, (_, i): Part => ({ kind: 'fields', rows: [[`entry ${i}`, digest]] })),
];

let folder: string;
let file: string;
const said = (tool: string, ...argv: string[]) => execFileSync(tool, argv, { encoding: 'utf8' });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-pdf-'));
  file = join(folder, 'document.pdf');
  const facts = { title: 'Abstract of title', foot: 'registration_0 · 12 entries', created: new Date(0) };
  await writePdf(facts, parts, () => createWriteStream(file));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

(mustRun ? describe : describe.skip)('a document', () => {
  it('is read by Poppler: every name, digest and page number can be copied out of it', () => {
    const text = said('pdftotext', '-layout', file, '-');
    for (const name of [...names, '模型']) expect(text).toContain(name);
    expect(text.split(digest)).toHaveLength(61);
    const { 1: pages } = /Pages:\s+(\d+)/.exec(said('pdfinfo', file))!;
    expect(Number(pages)).toBeGreaterThan(1);
    for (let page = 1; page <= Number(pages); page++) expect(text).toContain(`page ${page} of ${pages}`);
    expect(said('pdfinfo', file)).toMatch(/Title:\s+Abstract of title\n[^]*Page size:.*A4/);
  });

  it('holds every font that it uses, cut to what it uses', () => {
    const fonts = said('pdffonts', file).trim().split('\n').slice(2);
    expect(fonts.length).toBeGreaterThan(3);
    for (const font of fonts) expect(font).toMatch(/^[A-Z]{6}\+NotoSans\S* .* yes +yes +yes +\d+ +\d+$/);
  });

  it('is sound to QPDF, which finds out a piece that is missing', async () => {
    expect(said('qpdf', '--check', file)).toContain('No syntax or stream encoding errors found');
    const bytes = await readFile(file);
    const broken = join(folder, 'broken.pdf');
    await writeFile(broken, Buffer.concat([bytes.subarray(0, 5000), bytes.subarray(9000)]));
    expect(spawnSync('qpdf', ['--check', broken]).status).not.toBe(0);
  });
});
