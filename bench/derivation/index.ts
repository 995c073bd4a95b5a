/**
 * Whose weights are these: trains a zoo, derives models from its bases as a thief would, and counts what the fingerprint
 * finds and whom it accuses. Models are kept in `MUNIMENT_ZOO` (default: a folder in the temporary folder), so that the
 * next run only measures. Tells a table and a line of JSON for each derivation, and writes the tables of
 * docs/derivation.md.
 */
import { evidenceFor, nearness } from '../../src/core/fingerprint/evidence.ts';
import { fingerprintOf } from '../../src/core/fingerprint/fingerprint.ts';
import type { Fingerprint } from '../../src/core/fingerprint/fingerprint.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import type { BenchResult } from '../result.ts';
import { withZoo } from './derive.ts';
import type { Derived, Diverged } from './derive.ts';
import { measure } from './measure.ts';
import type { Scheme } from './measure.ts';
import { useOf } from './plan.ts';
import { report } from './report.ts';

/** Every seed comes from it: another series is a zoo that nobody has seen. */
const SERIES = Number(process.env['MUNIMENT_ZOO_SERIES'] ?? 1);

const SCHEME: Scheme<Fingerprint> = {
  fingerprintOf: (stack) => fingerprintOf(sha256, stack),
  similarity: (a, b) => nearness(a.retrieval, b.retrieval),
  evidence: (a, b) => evidenceFor(a, b).score,
};

export async function run(): Promise<BenchResult[]> {
  await withZoo(SERIES, async (zoo, laboratory) => {
    const derived: (Derived | Diverged)[] = [];
    for (const base of zoo.filter(useOf)) derived.push(...(await laboratory.derive(base)));
    await report(measure(SCHEME, zoo, derived), SERIES);
  });
  return [];
}
