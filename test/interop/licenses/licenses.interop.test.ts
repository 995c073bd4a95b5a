/**
 * Verdicts on licenses beside labels of others. Needs Python with pip, to obtain the labels. Without it the tests are
 * reported as skipped, except in CI, where they fail. UPDATE_DOCS=1 writes the page anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, jest, test } from '@jest/globals';
import * as prettier from 'prettier';
import { differs } from '../../../scripts/license-labels.ts';
import { readLists } from './lists.ts';
import { readMatrix } from './osadl.ts';
import { unpackedPackages } from './packages.ts';
import { score, scoreLists, scorePage } from './score.ts';

jest.setTimeout(300_000);

const unpacked = unpackedPackages();
const inCi = !['', '0', 'false'].includes(process.env['CI'] ?? '');
if ('lacking' in unpacked && !inCi) process.stderr.write(`SKIPPED: ${unpacked.lacking}\n`);
const whenThere = 'folder' in unpacked || inCi ? test : test.skip;

function labels() {
  if ('lacking' in unpacked) throw new Error(unpacked.lacking);
  return { matrix: score(readMatrix(unpacked.folder)), lists: scoreLists(readLists(unpacked.folder)) };
}

const page = fileURLToPath(new URL('../../../docs/rules-scored.md', import.meta.url));

describe('verdicts on licenses beside the matrix and the lists of others', () => {
  whenThere('are scored on enough pairs of OSADL, and agree with nearly all', () => {
    const { cases, precision, recall } = labels().matrix;
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(precision).toBeGreaterThan(0.9);
    expect(recall).toBeGreaterThan(0.9);
  });

  whenThere('call no license free that a list rejects, and none limited that a list accepts', () => {
    for (const { title, answered } of labels().lists) {
      expect([title, answered.length >= 10]).toEqual([title, true]);
      const contrary = answered.filter((one) => differs(one) && one.answers.conservative.answer !== 'no answer');
      expect(contrary.map(({ labelled }) => labelled.id)).toEqual([]);
    }
  });

  whenThere('are told in docs/rules-scored.md with every miss', async () => {
    const { matrix, lists } = labels();
    const now = await prettier.format(scorePage(matrix, lists), { parser: 'markdown' });
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(page, now);
    expect(readFileSync(page, 'utf8')).toBe(now);
  });
});
