/**
 * Verifying a whole log: `muniment fsck` on a log of registrations, without and with all signatures, and what the
 * signatures alone add, beside the bare rate at which this machine verifies as many ECDSA P-256 signatures on all its
 * cores, with nothing else to do. All are measured in turn in each round.
 *
 * BENCH_ENTRIES sets the size of the log (100,000 without it). BENCH_DATA names a folder that keeps the log for the next
 * run, since a million entries take a quarter of an hour to write.
 */
import { spawn } from 'node:child_process';
import { randomBytes, verify } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataSource } from 'typeorm';
import type { Digest } from '../src/core/digest.ts';
import { formatDigest } from '../src/core/digest.ts';
import { party, registration } from '../src/core/registry/index.ts';
import { commit } from '../src/core/registry/commitment.ts';
import { ENTITIES } from '../src/entities.ts';
import type { FsckReport } from '../src/ledger/fsck/index.ts';
import { LedgerCore } from '../src/ledger/ledger-core.ts';
import { Ledger } from '../src/ledger/ledger.service.ts';
import { openGround } from '../src/main.ts';
import { loadConfig } from '../src/platform/config/index.ts';
import { makeP256, newNonce, p256Key, sha256, statementKey } from '../src/platform/crypto.ts';
import { dataSourceOptions } from '../src/platform/database/index.ts';
import { createLog } from '../src/platform/logging/index.ts';
import type { BenchResult, Round } from './result.ts';
import { median, ratioOf } from './result.ts';

const ENTRIES = Number(process.env['BENCH_ENTRIES'] ?? 100_000);
const WAITING = 1024;
const ROUNDS = 3;

export async function run(): Promise<BenchResult[]> {
  const kept = process.env['BENCH_DATA'];
  const data = kept ?? (await mkdtemp(join(tmpdir(), 'muniment-bench-')));
  await mkdir(data, { recursive: true });
  await chmod(data, 0o711);
  const config = loadConfig({ MUNIMENT_DATA: data });
  const ground = await openGround(config, createLog({ logLevel: 'error' }));
  try {
    const database = new DataSource(dataSourceOptions(ground.database.appUrl.reveal(), ENTITIES, 4));
    await database.initialize();
    try {
      const core = await LedgerCore.open(database, config, ground.masterKey);
      await fill(core, database, (await core.published.checkpoint()).size);
      // As autovacuum would have done by now on a log that grew this far.
      await database.query('ANALYZE');
    } finally {
      await database.destroy();
    }
  } finally {
    await ground.database.close();
  }
  try {
    return await measureFsck(data);
  } finally {
    if (kept === undefined) await rm(data, { recursive: true, force: true });
  }
}

/** Verifies the log of a data folder, as the command does that its user starts. */
export async function measureFsck(data: string): Promise<BenchResult[]> {
  const rounds: (Record<'fsck' | 'fsck-full' | 'fsck-signatures', Round> & { seconds: number })[] = [];
  let rssMiB = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const [plain, peer, full] = [await fsck(data, false), await bare(), await fsck(data, true)];
    rssMiB = Math.max(rssMiB, plain.rssMiB, full.rssMiB);
    rounds.push({
      seconds: plain.seconds,
      fsck: { ours: plain.size / plain.seconds, peer },
      'fsck-full': { ours: full.size / full.seconds, peer },
      'fsck-signatures': { ours: full.size / (full.seconds - plain.seconds), peer },
    });
  }
  return (['fsck', 'fsck-full', 'fsck-signatures'] as const).map((bench) => {
    const own = rounds.map((round) => round[bench]);
    return {
      bench,
      value: median(own.map(({ ours }) => ours)),
      unit: 'entries/s',
      peer: 'bare P-256 verifications',
      peerValue: median(own.map(({ peer }) => peer)),
      ratio: ratioOf(own),
      rssMiB,
      ...(bench === 'fsck' ? { more: { seconds: median(rounds.map(({ seconds }) => seconds)) } } : {}),
    };
  });
}

async function fill(core: LedgerCore, database: DataSource, size: number): Promise<void> {
  if (size >= ENTRIES) return;
  const ledger = new Ledger(core, database);
  const salt = newNonce();
  const { id: owner } = await ledger.attest(party, {
    maker: ledger.registryParty,
    body: { kind: 'organization', roles: [], nameCommitment: commit(sha256, salt, 'Bench') },
    disclosures: [{ value: 'Bench', salt }],
  });
  const anyDigest = (): Digest => formatDigest(randomBytes(32));
  let left = ENTRIES - size - 1;
  const write = async (): Promise<void> => {
    while (left-- > 0) {
      await ledger.attest(registration, {
        maker: owner,
        body: {
          name: `model ${left}`,
          weights: {
            fileDigest: anyDigest(),
            weightDigest: anyDigest(),
            namelessDigest: anyDigest(),
            container: 'safetensors',
            bytes: 407_000,
            tensors: 4,
            parameters: 101_770,
          },
          owners: [{ party: owner, share: '1/1' }],
          license: { expression: 'Apache-2.0', textDigest: null },
          run: null,
          datasets: [],
          parents: [],
        },
      });
    }
  };
  const publishing = setInterval(() => void core.published.publish(), 1000);
  try {
    await Promise.all(Array.from({ length: WAITING }, write));
  } finally {
    clearInterval(publishing);
    await core.writer.stop();
  }
}

/** The command, as a user starts it. */
async function fsck(data: string, full: boolean): Promise<{ size: number; seconds: number; rssMiB: number }> {
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'fsck', '--json', '--data', data, ...(full ? ['--full'] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let rssMiB = 0;
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const watching = setInterval(() => {
    readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (status) => (rssMiB = Math.max(rssMiB, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024)),
      () => clearInterval(watching),
    );
  }, 200);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(watching);
  if (code !== 0) throw new Error(`fsck found faults: ${text.slice(0, 2000)}`);
  const report = JSON.parse(text) as FsckReport;
  if (report.checked.statements !== report.size || (full && report.checked.signatures < report.size)) {
    throw new Error(`fsck has not checked every entry: ${JSON.stringify(report.checked)}`);
  }
  return { size: report.size, seconds: report.seconds, rssMiB };
}

/** Signatures a second in all threads, keys parsed once. */
async function bare(): Promise<number> {
  const { spki, sign } = statementKey(makeP256().pkcs8);
  const key = p256Key(spki);
  const signed = Array.from({ length: 256 }, () => randomBytes(1200)).map((message) => ({
    message,
    signature: sign(message),
  }));
  let left = 30_000;
  const started = performance.now();
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const { message, signature } = signed[left & 255]!;
      await new Promise<void>((resolve, reject) => {
        verify('sha256', message, key, signature, (error, valid) => {
          if (error === null && valid) resolve();
          else reject(error ?? new Error('a good signature did not verify'));
        });
      });
    }
  };
  await Promise.all(Array.from({ length: 8 * availableParallelism() }, work));
  return 30_000 / ((performance.now() - started) / 1000);
}
