import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { once } from 'node:events';
import { expect, it } from '@jest/globals';
import { runBuilt, spawnBuilt } from '../support/server.ts';

const folders = async (): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('muniment-demo-'));

it('the demo tells its story, every step of it true, and leaves nothing behind', async () => {
  const before = await folders();
  const { code, stdout, stderr } = await runBuilt(['scripts/demo.js', '--json']);
  const told = JSON.parse(stdout) as {
    ok: boolean;
    error?: string;
    weightDigest: string;
    accuracy: number;
    entries: Record<string, number>;
    tokenVerdicts: Record<string, string>;
    log: { treeSize: number; since: number; verdict: string };
    fsck: { ok: boolean; faults: number };
    steps: { title: string; ok: boolean }[];
  };
  expect([code, told.error, stderr]).toEqual([0, undefined, '']);
  expect(told.ok).toBe(true);
  expect(told.weightDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(told.accuracy).toBeGreaterThanOrEqual(0.89);
  expect(told.steps.every(({ ok }) => ok)).toBe(true);
  expect(told.tokenVerdicts).toMatchObject({
    online: 'valid',
    'wrong audience': 'token_wrong_audience',
    'after revocation': 'token_revoked',
  });
  expect(told.fsck).toMatchObject({ ok: true, faults: 0 });
  const { dataset, run, registration, grant, revocation } = told.entries;
  const order = [dataset, run, registration, grant, revocation];
  expect(order).toEqual([...order].sort((a, b) => a! - b!));
  expect(told.log.treeSize).toBeGreaterThan(revocation!);
  expect(await folders()).toEqual(before);
}, 300_000);

it('Ctrl-C ends the demo in order: code 1, its folder and its processes gone', async () => {
  const before = await folders();
  const child = spawnBuilt(['scripts/demo.js'], {});
  let out = '';
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  for (let tries = 0; !out.includes('2. ') && tries < 600; tries++) await sleep(100);
  const [data] = (await folders()).filter((name) => !before.includes(name));
  expect(data).toBeDefined();
  const ended = once(child, 'close');
  child.kill('SIGINT');
  expect((await ended)[0]).toBe(1);
  expect(await folders()).toEqual(before);
  expect(await processesNaming(data!)).toEqual([]);
}, 120_000);

/** Command lines of living processes that name the folder (Linux). */
async function processesNaming(folder: string): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const { readFile } = await import('node:fs/promises');
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(folder));
}
