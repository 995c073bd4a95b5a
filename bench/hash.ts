/**
 * Hashing weights that lie in the page cache: a safetensors file of `BENCH_GIB` (4 at default), and a folder of 999 shards
 * of 1 MiB. The weight digests alone on all cores, and with the file digests, beside `openssl dgst -sha256`, `sha256sum`
 * and PyPI's `model-signing`. Each round measures all in turn. A peer that is not there is named and left out;
 * `MUNIMENT_BENCH_PYTHON` names a Python that has `model-signing`.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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

/** A model has at most 1,000 files; the index is one. */
const SHARDS = 999;

interface Subject {
  readonly what: string;
  readonly mib: number;
  /** What is given to Muniment */
  readonly path: string;
  /** What is given to peers that hash file by file */
  readonly files: readonly string[];
  /** What is given to peers that hash a model */
  readonly model: string;
}

const PEERS: Readonly<Record<string, (subject: Subject) => [command: string, args: string[]]>> = {
  'openssl dgst -sha256': ({ files }) => ['openssl', ['dgst', '-sha256', ...files]],
  sha256sum: ({ files }) => ['sha256sum', [...files]],
  'model-signing': ({ model }) => [
    PYTHON,
    ['-c', 'import sys, model_signing; model_signing.hashing.hash(sys.argv[1])', model],
  ],
};

export async function run(): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'muniment-bench-'));
  try {
    const peers = Object.keys(PEERS).filter(isHere);
    return [...(await measure(await oneFile(folder), peers)), ...(await measure(await manyFiles(folder), peers))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(subject: Subject, peers: readonly string[]): Promise<BenchResult[]> {
  const rounds: Record<string, number>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const seconds: Record<string, number> = {
      weights: await timed(() => hashWeights(subject.path)),
      all: await timed(() => hashFile(subject.path)),
    };
    for (const peer of peers) seconds[peer] = await timed(() => ask(peer, subject));
    rounds.push(seconds);
  }
  const rate = (seconds: number): number => subject.mib / seconds;
  return (['weights', 'all'] as const).flatMap((ours) =>
    peers.map((peer): BenchResult => {
      const pairs = rounds.map((round): Round => ({ ours: rate(round[ours]!), peer: rate(round[peer]!) }));
      return {
        bench: `hash: ${ours === 'weights' ? 'weight and nameless digest' : 'all digests'} of ${subject.what}`,
        value: medianOf(pairs, (pair) => pair.ours),
        unit: 'MiB/s',
        peer,
        peerValue: medianOf(pairs, (pair) => pair.peer),
        ratio: ratioOf(pairs),
      };
    }),
  );
}

async function oneFile(folder: string): Promise<Subject> {
  const path = join(folder, 'model.safetensors');
  await writeModel(path, 'layer', Math.round((GIB * 1024 * MIB) / TENSOR_BYTES), TENSOR_BYTES);
  return { what: `${GIB} GiB`, mib: GIB * 1024, path, files: [path], model: path };
}

async function manyFiles(parent: string): Promise<Subject> {
  const model = join(parent, 'sharded');
  await mkdir(model);
  const files: string[] = [];
  const map: Record<string, string> = {};
  for (let i = 0; i < SHARDS; i++) {
    const shard = `shard-${String(i).padStart(3, '0')}.safetensors`;
    files.push(join(model, shard));
    await writeModel(join(model, shard), `shard.${i}`, 1, MIB);
    map[`shard.${i}.0.weight`] = shard;
  }
  const path = join(model, 'model.safetensors.index.json');
  await writeFile(path, JSON.stringify({ weight_map: map }));
  return { what: `${SHARDS} files of 1 MiB`, mib: SHARDS, path, files: [path, ...files], model };
}

/** Tensors of one size, of random bytes. */
async function writeModel(path: string, prefix: string, tensors: number, size: number): Promise<void> {
  const header = Object.fromEntries(
    Array.from({ length: tensors }, (_, i) => [
      `${prefix}.${i}.weight`,
      { dtype: 'F32', shape: [size / 4096, 1024], data_offsets: [i * size, (i + 1) * size] },
    ]),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = createWriteStream(path);
  file.write(Buffer.concat([length, text]));
  for (let i = 0; i < tensors; i++) {
    if (!file.write(randomBytes(size))) await once(file, 'drain');
  }
  await finished(file.end());
}

function isHere(peer: string): boolean {
  const [command] = PEERS[peer]!({ what: '', mib: 0, path: '', files: [], model: '' });
  const args = command === PYTHON ? ['-c', 'import model_signing'] : ['--version'];
  if (spawnSync(command, command === 'openssl' ? ['version'] : args).status === 0) return true;
  console.log(`SKIPPED: ${peer} is not here.`);
  return false;
}

function ask(peer: string, subject: Subject): void {
  const [command, args] = PEERS[peer]!(subject);
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${peer} ended with ${status}: ${stderr}`);
}

async function timed(work: () => unknown): Promise<number> {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}
