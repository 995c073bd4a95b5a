/**
 * The ledger as a whole, each part beside its peers: registering, looking up in a small registry and in a large one, and
 * verifying the large one. The models between are put on record as a bulk importer does, through the batch endpoint.
 *
 * BENCH_ENTRIES sets the size of the large registry (100,000 without it; a million takes a quarter of an hour to write,
 * and the map of their digests half an hour).
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureFsck } from './fsck.ts';
import { measureLookup } from './lookup.ts';
import { measureRegister } from './register.ts';
import type { BenchResult } from './result.ts';
import { register, startServer } from './server.ts';

const LARGE = Number(process.env['BENCH_ENTRIES'] ?? 100_000);
const SMALL = Math.min(10_000, LARGE);
/** Looked up in either registry. */
const ASKED = 2000;

export async function run(): Promise<BenchResult[]> {
  const data = await mkdtemp(join(tmpdir(), 'muniment-bench-'));
  await chmod(data, 0o711);
  try {
    return [...(await serve(data)), ...(await measureFsck(data))];
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

async function serve(data: string): Promise<BenchResult[]> {
  const server = await startServer(data);
  try {
    const owner = await server.makeOwner('Bench');
    let digests = await register(server, owner, 0, SMALL);
    await server.rest(owner);
    const small = await measureLookup('lookup', server, some(digests));
    const started = performance.now();
    digests = digests.concat(await register(server, owner, SMALL, LARGE, tell));
    const perSecond = (LARGE - SMALL) / ((performance.now() - started) / 1000);
    await server.rest(owner);
    const large = await measureLookup(`lookup-${LARGE}`, server, some(digests));
    const slower = large.p99Ms! / small.p99Ms!;
    const registered = await measureRegister(server);
    return [
      ...registered,
      small,
      { ...large, more: { ...large.more, 'p99 beside the small one': slower, 'models/s in batches': perSecond } },
    ];
  } finally {
    await server.close();
  }
}

/** Spread over all that there are. */
const some = <T>(all: readonly T[]): T[] =>
  Array.from({ length: Math.min(ASKED, all.length) }, (_, i) => all[Math.floor((i * all.length) / ASKED)]!);

let told = 0;
function tell(done: number): void {
  if (done - told < 50_000) return;
  told = done;
  console.error(`${done.toLocaleString('en-US')} models are on record.`);
}
