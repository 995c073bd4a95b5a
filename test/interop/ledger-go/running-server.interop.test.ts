/**
 * The log of a running server before Go's sumdb packages: they read checkpoint, tiles and entries over HTTP as any
 * monitor would, take the proofs of the server's own receipts, and refuse each after one flipped bit.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fromBase64, toBase64 } from '../../../src/core/bytes.ts';
import { leafHash } from '../../../src/core/merkle/tree.ts';
import { parseEnvelope } from '../../../src/core/statement/dsse.ts';
import type { Receipt } from '../../../src/core/statement/receipt.ts';
import { entryOf } from '../../../src/core/statement/receipt.ts';
import { sha256 } from '../../../src/platform/crypto.ts';
import { makeDataFolder } from '../../support/app.ts';
import type { LogIdentity } from '../../support/client.ts';
import { Operator } from '../../support/client.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { spawnServer } from '../../support/server.ts';

const hasGo = spawnSync('go', ['version']).status === 0;
const mustRun = hasGo || process.env['CI'] === 'true';
if (!mustRun) process.stderr.write('SKIPPED: the interop tests with Go need "go" on the path, and it is not there.\n');

/** More than one full tile and bundle. */
const ENTRIES = 300;

let server: SpawnedServer | undefined;
let data = '';
let folder = '';

beforeAll(async () => {
  if (!mustRun) return;
  data = await makeDataFolder();
  folder = await mkdtemp(join(tmpdir(), 'muniment-proofs-'));
  server = await spawnServer({ env: { MUNIMENT_DATA: data, MUNIMENT_WORKER: 'false', MUNIMENT_LOG_LEVEL: 'info' } });
}, 120_000);

afterAll(async () => {
  await server?.stop();
  for (const made of [data, folder]) if (made !== '') await rm(made, { recursive: true, force: true });
});

(mustRun ? test : test.skip)(
  'Go accepts checkpoint, tiles, inclusion and consistency of a running server, and refuses each with one bit flipped',
  async () => {
    const operator = await Operator.of(server!.url, data);
    const receipts: Receipt[] = [];
    while (receipts.length < ENTRIES) {
      const made = Array.from({ length: 20 }, () => operator.made('/v1/parties', { name: 'Ada' }));
      receipts.push(...(await Promise.all(made)));
    }
    // Against what is published, so that Go finds the tiles of each proof.
    const sample = receipts.filter((_, i) => i % 37 === 0);
    const published = await Promise.all(sample.map((r) => operator.read<Receipt>(`/v1/receipts/${r.statement}`)));
    const { verifierKey, treeSize } = await operator.read<LogIdentity>('/v1/log');
    const sizes = [1, 2, 255, 256, 257, treeSize].map((first) => ({ first, second: treeSize }));
    const consistency = await Promise.all(
      sizes.map(({ first, second }) => operator.read<object>(`/v1/log/consistency?first=${first}&second=${second}`)),
    );
    const proofs = join(folder, 'proofs.json');
    await writeFile(
      proofs,
      JSON.stringify({
        inclusion: published.map((receipt) => ({
          index: receipt.index,
          size: receipt.treeSize,
          leafHash: toBase64(leafHash(sha256, entryOfReceipt(receipt))),
          proof: receipt.inclusionProof,
        })),
        consistency,
        checkpoints: [...new Set(receipts.map(({ checkpoint }) => checkpoint))].slice(0, 5),
      }),
    );
    const script = fileURLToPath(new URL('run.sh', import.meta.url));
    const { stdout } = await promisify(execFile)('sh', [script, server!.url, verifierKey, proofs], {
      maxBuffer: 64 * 1024 * 1024,
    });
    expect(stdout).toMatch(/^\d+ passed, 0 failed/m);
    expect(Number(/^(\d+) passed/m.exec(stdout)?.[1])).toBeGreaterThan(10);
  },
  300_000,
);

function entryOfReceipt({ envelope, publicKey }: Receipt): Uint8Array {
  const { payload, signature } = parseEnvelope(envelope);
  return entryOf(sha256, payload, signature, fromBase64(publicKey));
}
