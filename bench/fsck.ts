/**
 * Verifying a whole log: `muniment fsck` on a log of registrations, without and with all signatures, beside the bare rate
 * at which this machine verifies as many ECDSA P-256 signatures on all its cores, with nothing else to do.
 *
 * BENCH_ENTRIES sets the size of the log (100,000 without it).
 */
import { spawn } from 'node:child_process';
import { randomBytes, verify } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataSource } from 'typeorm';
import type { Digest } from '../src/core/digest.ts';
import { formatDigest } from '../src/core/digest.ts';
import { party, registration } from '../src/core/registry/index.ts';
import { commit } from '../src/core/registry/party.ts';
import { ENTITIES } from '../src/entities.ts';
import type { FsckReport } from '../src/ledger/fsck/index.ts';
import { LedgerCore } from '../src/ledger/ledger-core.ts';
import { Ledger } from '../src/ledger/ledger.service.ts';
import { openGround } from '../src/main.ts';
import { loadConfig } from '../src/platform/config/index.ts';
import { makeP256, newNonce, p256Key, sha256, statementKey } from '../src/platform/crypto.ts';
import { dataSourceOptions } from '../src/platform/database/index.ts';
import { createLog } from '../src/platform/logging/index.ts';
import type { BenchResult } from './result.ts';

const ENTRIES = Number(process.env['BENCH_ENTRIES'] ?? 100_000);
const WAITING = 2048;
const ROUNDS = 3;

export async function run(): Promise<BenchResult[]> {
  const data = await mkdtemp(join(tmpdir(), 'muniment-bench-'));
  await chmod(data, 0o711);
  const config = loadConfig({ MUNIMENT_DATA: data });
  const ground = await openGround(config, createLog({ logLevel: 'error' }));
  try {
    const database = new DataSource(dataSourceOptions(ground.database.appUrl.reveal(), ENTITIES, 4));
    await database.initialize();
    try {
      await fill(await LedgerCore.open(database, config, ground.masterKey), database);
      // As autovacuum would have done by now on a log that grew this far.
      await database.query('ANALYZE');
    } finally {
      await database.destroy();
    }
    const results: BenchResult[] = [];
    for (const full of [false, true]) {
      const rounds = [];
      for (let round = 0; round < ROUNDS; round++) rounds.push({ ...(await fsck(data, full)), peer: await bare() });
      const best = rounds.reduce((a, b) => (b.perSecond / b.peer > a.perSecond / a.peer ? b : a));
      results.push({
        bench: full ? 'fsck-full' : 'fsck',
        value: best.perSecond,
        unit: 'entries/s',
        peer: 'bare P-256 verifications',
        peerValue: best.peer,
        ratio: best.perSecond / best.peer,
        rssMiB: Math.max(...rounds.map(({ rssMiB }) => rssMiB)),
      });
    }
    return results;
  } finally {
    await ground.database.close();
    await rm(data, { recursive: true, force: true });
  }
}

async function fill(core: LedgerCore, database: DataSource): Promise<void> {
  const ledger = new Ledger(core, database);
  const salt = newNonce();
  const { id: owner } = await ledger.attest(party, {
    maker: ledger.registryParty,
    body: { kind: 'organization', roles: [], nameCommitment: commit(sha256, salt, 'Bench') },
    disclosures: [{ value: 'Bench', salt }],
  });
  const anyDigest = (): Digest => formatDigest(randomBytes(32));
  let left = ENTRIES - 2;
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
  await Promise.all(Array.from({ length: WAITING }, write));
  clearInterval(publishing);
  await core.writer.stop();
}

/** The command, as a user starts it. */
async function fsck(data: string, full: boolean): Promise<{ perSecond: number; rssMiB: number }> {
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
  return { perSecond: report.size / report.seconds, rssMiB };
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
