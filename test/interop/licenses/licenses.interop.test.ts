/**
 * Verdicts on licenses beside labels of others. Needs Python with pip, to obtain the labels. Without it the tests are
 * reported as skipped, except in CI, where they fail. UPDATE_DOCS=1 writes the page anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, jest, test } from '@jest/globals';
import * as prettier from 'prettier';
import type { Matrix } from './osadl.ts';
import { readMatrix } from './osadl.ts';
import { score, scorePage } from './score.ts';

jest.setTimeout(300_000);

const read = readMatrix();
const inCi = !['', '0', 'false'].includes(process.env['CI'] ?? '');
if ('lacking' in read && !inCi) process.stderr.write(`SKIPPED: ${read.lacking}\n`);
const whenThere = 'matrix' in read || inCi ? test : test.skip;

function matrix(): Matrix {
  if ('lacking' in read) throw new Error(read.lacking);
  return read.matrix;
}

const page = fileURLToPath(new URL('../../../docs/rules-scored.md', import.meta.url));

describe('verdicts on licenses beside the matrix of OSADL', () => {
  whenThere('are scored on enough labels, and agree with nearly all', () => {
    const { cases, precision, recall } = score(matrix());
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(precision).toBeGreaterThan(0.9);
    expect(recall).toBeGreaterThan(0.9);
  });

  whenThere('are told in docs/rules-scored.md with every miss', async () => {
    const now = await prettier.format(scorePage(score(matrix())), { parser: 'markdown' });
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(page, now);
    expect(readFileSync(page, 'utf8')).toBe(now);
  });
});
