/**
 * A witness process that is killed at any moment while the log shows two trees at once. Whatever it had signed when it
 * died, what anybody got from it before and after is one chain.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { cosignatureVerifier } from '../../../src/core/note/cosignature.ts';
import { openNote, parseVerifierKey } from '../../../src/core/note/note.ts';
import { addTrust, formatTrust, NO_TRUST } from '../../../src/core/trust/index.ts';
import { sha256, verifyEd25519 } from '../../../src/platform/crypto.ts';
import { makeWitnessKey } from '../../../src/witness/index.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { runBuilt, spawnServer } from '../../support/server.ts';
import { ShownLog } from '../../support/witnessed-log.ts';

const ROUNDS = 20;
const BASE = 4;
const logs = Array.from({ length: ROUNDS }, (_, i) => new ShownLog(`killed.example/${i}`, 30 + i));
const { text, verifierKey } = makeWitnessKey('witness.example/killed');
const verifier = cosignatureVerifier(sha256, parseVerifierKey(sha256, verifierKey), verifyEd25519);

let folder = '';
let witness: SpawnedServer | undefined;
const flags = () => [
  '--logs',
  join(folder, 'logs.json'),
  '--key',
  join(folder, 'w.key'),
  '--data',
  join(folder, 'data'),
];
const start = () => spawnServer({ args: ['src/cli/main.js', 'witness', ...flags(), '--port', '0'] });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-witness-'));
  const trust = logs.reduce((known, log) => addTrust(sha256, known, log.verifierKey), NO_TRUST);
  await writeFile(join(folder, 'logs.json'), formatTrust(trust));
  await writeFile(join(folder, 'w.key'), text, { mode: 0o600 });
});
afterAll(async () => {
  await witness?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Undefined when the witness died before its answer. */
async function ask(body: string): Promise<{ status: number; text: string } | undefined> {
  try {
    const response = await fetch(`${witness!.url}/add-checkpoint`, { method: 'POST', body });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    // Errors of fetch come from outside the realm of the tests.
    if ((error as Error).name === 'TypeError') return undefined;
    throw error;
  }
}

/** The branches on which the witness gave a cosignature that holds. */
async function race(log: ShownLog, old: number, sizes: readonly number[]): Promise<Set<string>> {
  const won = new Set<string>();
  await Promise.all(
    sizes.flatMap((size) =>
      ['main', 'fork'].map(async (branch) => {
        const answer = await ask(await log.request(old, size, branch, BASE));
        if (answer?.status !== 200) return;
        await openNote((await log.checkpoint(size, branch, BASE)) + answer.text, [verifier]);
        won.add(branch);
      }),
    ),
  );
  return won;
}

it('never signs a second tree, killed at any moment and asked for both again', async () => {
  let kills = 0;
  let signedBeforeKill = 0;
  for (const [round, log] of logs.entries()) {
    witness ??= await start();
    expect(await ask(await log.request(0, BASE))).toMatchObject({ status: 200 });
    const { child } = witness;
    const ended = once(child, 'exit');
    const timer = setTimeout(() => child.kill('SIGKILL'), (round * 7) % 40);
    const before = await race(log, BASE, [5, 6, 7, 8]);
    await ended;
    clearTimeout(timer);
    expect(child.signalCode).toBe('SIGKILL');
    kills++;

    witness = await start();
    const held = Number((await ask(await log.request(0, 30, 'main', BASE)))!.text);
    expect(held).toBeGreaterThanOrEqual(BASE);
    const after = await race(log, held, [30]);
    if (before.size > 0) signedBeforeKill++;
    // Of a tree that nobody has a cosignature of, either branch may go on; never both.
    expect(new Set([...before, ...after]).size).toBe(1);
  }
  expect(kills).toBe(ROUNDS);
  expect(signedBeforeKill).toBeGreaterThan(0);
}, 240_000);

it('refuses a second process on the folder, and stops in order', async () => {
  witness ??= await start();
  const second = await runBuilt(['src/cli/main.js', 'witness', ...flags(), '--port', '0', '--json']);
  expect(second.code).toBe(1);
  expect(JSON.parse(second.stdout)).toMatchObject({ code: 'state_conflict', field: 'data' });
  expect(await witness.stop()).toBe(0);
  witness = await start();
  expect(await ask(await logs[0]!.request(0, 40))).toMatchObject({ status: 409 });
});

it('makes its key, and starts under no other name than that of the key', async () => {
  const out = join(folder, 'made.key');
  const made = await runBuilt([
    'src/cli/main.js',
    'keygen',
    '--witness',
    'witness.example/made',
    '--out',
    out,
    '--json',
  ]);
  expect(JSON.parse(made.stdout)).toMatchObject({
    file: out,
    verifierKey: expect.stringMatching(/^witness\.example\/made\+/),
  });
  const again = await runBuilt([
    'src/cli/main.js',
    'keygen',
    '--witness',
    'witness.example/made',
    '--out',
    out,
    '--json',
  ]);
  expect(JSON.parse(again.stdout)).toMatchObject({ code: 'already_exists' });
  const args = ['--logs', join(folder, 'logs.json'), '--key', out, '--data', join(folder, 'other'), '--port', '0'];
  const named = await runBuilt(['src/cli/main.js', 'witness', ...args, '--name', 'witness.example/else', '--json']);
  expect(JSON.parse(named.stdout)).toMatchObject({ code: 'configuration_invalid', field: 'name' });
  const help = await runBuilt(['src/cli/main.js', 'witness', '--help']);
  expect(help.stdout).toMatch(/Example:\n {2}\$ muniment keygen --witness/);
});
