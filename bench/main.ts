/** `npm run bench [name …]`: runs the named benchmarks, or all of them. */
import type { BenchResult } from './result.ts';
import { print } from './result.ts';

const BENCHES: Record<string, () => Promise<{ run(): Promise<BenchResult[]> }>> = {
  register: () => import('./register.ts'),
  lookup: () => import('./lookup.ts'),
  title: () => import('./title.ts'),
  tokens: () => import('./tokens.ts'),
  obligations: () => import('./obligations.ts'),
  lineage: () => import('./lineage.ts'),
  fsck: () => import('./fsck.ts'),
  ledger: () => import('./ledger.ts'),
  map: () => import('./map.ts'),
  train: () => import('./train.ts'),
  hash: () => import('./hash.ts'),
  behaviour: () => import('./behaviour.ts'),
  similar: () => import('./similar.ts'),
  derivation: () => import('./derivation/index.ts'),
  watermark: () => import('./watermark.ts'),
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`There is no benchmark "${unknown[0]}"; there are: ${Object.keys(BENCHES).join(', ')}.`);
  process.exit(2);
}
for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
  const bench = await BENCHES[name]!();
  for (const result of await bench.run()) print(result);
}
