/**
 * Hashing a safetensors file of `BENCH_GIB` (4 at default) that lies in the page cache: the weight digests alone on all
 * cores, and with the file digest, beside `openssl dgst -sha256`, `sha256sum` and PyPI's `model-signing`. Each round
 * measures all in turn. A peer that is not there is named and left out; `MUNIMENT_BENCH_PYTHON` names a Python that has
 * `model-signing`.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { hashFile, hashWeights } from '../src/platform/storage/hash-file.ts';
import type { BenchResult, Round } from './result.ts';
import { medianOf, ratioOf } from './result.ts';

const GIB = Number(process.env['BENCH_GIB'] ?? 4);
const PYTHON = process.env['MUNIMENT_BENCH_PYTHON'] ?? 'python3';
const MIB = 2 ** 20;
const ROUNDS = 5;
const TENSOR_BYTES = 16 * MIB;

const OPENSSL = 'openssl dgst -sha256';
const PEERS: Readonly<Record<string, (path: string) => [command: string, args: string[]]>> = {
  [OPENSSL]: (path) => ['openssl', ['dgst', '-sha256', path]],
  sha256sum: (path) => ['sha256sum', [path]],
  'model-signing': (path) => [
    PYTHON,
    ['-c', 'import sys, model_signing; model_signing.hashing.hash(sys.argv[1])', path],
  ],
};

export async function run(): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-bench-'));
  try {
    const path = join(folder, 'model.safetensors');
    await writeModel(path, Math.round((GIB * 1024 * MIB) / TENSOR_BYTES));
    const peers = Object.keys(PEERS).filter((name) => isHere(name, path));
    const rounds: Record<string, number>[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const seconds: Record<string, number> = {
        weights: await timed(() => hashWeights(path)),
        all: await timed(() => hashFile(path)),
      };
      for (const peer of peers) seconds[peer] = await timed(() => ask(peer, path));
      rounds.push(seconds);
    }
    const rate = (seconds: number): number => (GIB * 1024) / seconds;
    return (['weights', 'all'] as const).flatMap((ours) =>
      peers.map((peer): BenchResult => {
        const pairs = rounds.map((round): Round => ({ ours: rate(round[ours]!), peer: rate(round[peer]!) }));
        return {
          bench: `hash: ${ours === 'weights' ? 'weight and nameless digest' : 'all digests'} of ${GIB} GiB`,
          value: medianOf(pairs, (pair) => pair.ours),
          unit: 'MiB/s',
          peer,
          peerValue: medianOf(pairs, (pair) => pair.peer),
          ratio: ratioOf(pairs),
        };
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Tensors of one size, of random bytes. */
async function writeModel(path: string, tensors: number): Promise<void> {
  const header = Object.fromEntries(
    Array.from({ length: tensors }, (_, i) => [
      `layer.${i}.weight`,
      { dtype: 'F32', shape: [TENSOR_BYTES / 4096, 1024], data_offsets: [i * TENSOR_BYTES, (i + 1) * TENSOR_BYTES] },
    ]),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = createWriteStream(path);
  file.write(Buffer.concat([length, text]));
  for (let i = 0; i < tensors; i++) {
    if (!file.write(randomBytes(TENSOR_BYTES))) await once(file, 'drain');
  }
  await finished(file.end());
}

function isHere(peer: string, path: string): boolean {
  const [command] = PEERS[peer]!(path);
  const args = command === PYTHON ? ['-c', 'import model_signing'] : ['--version'];
  if (spawnSync(command, command === 'openssl' ? ['version'] : args).status === 0) return true;
  console.log(`SKIPPED: ${peer} is not here.`);
  return false;
}

function ask(peer: string, path: string): void {
  const [command, args] = PEERS[peer]!(path);
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${peer} ended with ${status}: ${stderr}`);
}

async function timed(work: () => unknown): Promise<number> {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}
