/**
 * Witnessing with programs of others, which share no code with ours: the witness of transparency-dev (what omniwitness is
 * made of) cosigns the log of a running Muniment server, and their library verifies what that server then shows; a
 * Tessera log and transparency-dev's client are served by `muniment witness`. Each refuses what was tampered with.
 * Needs Go on the path. Without it the tests are reported as skipped, except in CI, where they fail.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseNote } from '../../../src/core/note/note.ts';
import { addTrust, addWitness, NO_TRUST, PROVED, verifyCheckpoint } from '../../../src/core/trust/index.ts';
import { sha256, verifyEd25519 } from '../../../src/platform/crypto.ts';
import { createLog } from '../../../src/platform/logging/index.ts';
import type { RunningWitness } from '../../../src/witness/index.ts';
import { makeWitnessKey, readWitnessKey, startWitness } from '../../../src/witness/index.ts';
import { makeDataFolder } from '../../support/app.ts';
import type { LogIdentity } from '../../support/client.ts';
import { Operator } from '../../support/client.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { spawnServer } from '../../support/server.ts';

const hasGo = spawnSync('go', ['version']).status === 0;
const mustRun = hasGo || process.env['CI'] === 'true';
const whenGo = mustRun ? test : test.skip;
if (!mustRun) process.stderr.write('SKIPPED: the interop tests with Go need "go" on the path, and it is not there.\n');

const run = promisify(execFile);
const key = readWitnessKey(makeWitnessKey('witness.example/ours').text);

let folder = '';
let data = '';
let program = '';
let server: SpawnedServer | undefined;
let ours: RunningWitness | undefined;
let theirs: ChildProcess | undefined;

beforeAll(async () => {
  if (!mustRun) return;
  folder = await mkdtemp(join(tmpdir(), 'muniment-witness-go-'));
  data = await makeDataFolder();
  program = join(folder, 'witness-go');
  await run('go', ['build', '-o', program, '.'], { cwd: import.meta.dirname });
}, 600_000);

afterAll(async () => {
  await server?.stop();
  await ours?.close();
  if (theirs !== undefined && theirs.exitCode === null) {
    const ended = once(theirs, 'exit');
    theirs.stdin!.end();
    await ended;
  }
  for (const made of [folder, data]) if (made !== '') await rm(made, { recursive: true, force: true });
});

/** Runs a command of the Go program that ends with "N passed, N failed". */
async function judged(...args: string[]) {
  const { code, stdout } = await run(program, args, { maxBuffer: 1 << 24 }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => ({ code: error.code, stdout: error.stdout }),
  );
  const lines = stdout.trimEnd().split('\n');
  const failed = lines.filter((line) => line.startsWith('FAIL '));
  return { code, failed, passed: lines.filter((line) => line.startsWith('PASS ')), last: lines.at(-1) };
}

async function logKey(name: string): Promise<{ skey: string; vkey: string }> {
  const { stdout } = await run(program, ['keygen', name]);
  return JSON.parse(stdout) as { skey: string; vkey: string };
}

async function serveOurs(vkey: string): Promise<string> {
  await ours?.close();
  ours = await startWitness({
    folder: await mkdtemp(join(folder, 'ours-')),
    key,
    logs: addTrust(sha256, NO_TRUST, vkey),
    log: createLog({ logLevel: 'silent' }),
    now: Date.now,
    host: '127.0.0.1',
    port: 0,
  });
  return ours.url;
}

async function startTheirs(vkey: string): Promise<{ url: string; verifierKey: string }> {
  theirs = spawn(program, ['witness', vkey, 'witness.example/theirs'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(theirs.stdout!, 'data')) as [Buffer];
  return JSON.parse(line.toString()) as { url: string; verifierKey: string };
}

/** Looks again until it holds. */
async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  for (const end = Date.now() + 60_000; ;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

whenGo(
  'the witness of transparency-dev cosigns a running server, their library verifies it and refuses each flipped bit',
  async () => {
    const env = { MUNIMENT_DATA: data, MUNIMENT_WORKER: 'false', MUNIMENT_LOG_LEVEL: 'info' };
    server = await spawnServer({ env });
    const { verifierKey, origin } = (await (await fetch(`${server.url}/v1/log`)).json()) as LogIdentity;
    await server.stop();

    const witness = await startTheirs(verifierKey);
    const policy = {
      version: 1,
      operator: 'Registry',
      quorum: 1,
      witnesses: [{ verifierKey: witness.verifierKey, operator: 'Others', url: witness.url }],
    };
    await writeFile(join(folder, 'policy.json'), JSON.stringify(policy));
    server = await spawnServer({ env: { ...env, MUNIMENT_WITNESSES: join(folder, 'policy.json') } });
    const operator = await Operator.of(server.url, data);
    for (let i = 0; i < 8; i++) {
      // Over the width of a tile, and in several steps, so that proofs of many shapes are asked for.
      await Promise.all(Array.from({ length: 50 }, () => operator.made('/v1/parties', { name: 'Ada' })));
      const { treeSize } = (await (await fetch(`${server.url}/v1/log`)).json()) as { treeSize: number };
      await until(
        async () => (await fetch(`${server!.url}/checkpoint/witnessed`)).text(),
        (note) => Number(note.split('\n')[1]) >= treeSize,
      );
    }
    const note = await (await fetch(`${server.url}/checkpoint/witnessed`)).text();
    expect(parseNote(note).signatures).toHaveLength(2);
    const file = join(folder, 'checkpoint');
    await writeFile(file, note);
    const { code, failed, passed, last } = await judged('verify', verifierKey, file, witness.verifierKey);
    expect({ code, failed }).toEqual({ code: 0, failed: [] });
    expect(passed).toContainEqual(expect.stringMatching(/refused with each of 576 bits/));
    expect(last).toBe(`${passed.length} passed, 0 failed`);

    const trusted = addWitness(
      sha256,
      addTrust(sha256, NO_TRUST, verifierKey, { operator: 'Registry' }),
      origin,
      { verifierKey: witness.verifierKey, operator: 'Others' },
      1,
    );
    const verdict = await verifyCheckpoint({ sha256, verifyEd25519 }, note, trusted);
    expect(verdict).toMatchObject({ verdict: PROVED, witnessed: { operators: 1 } });

    // So that the checks above mean something.
    await writeFile(
      file,
      note.replace(/\n(\d+)\n/, (_, size: string) => `\n${Number(size) + 1}\n`),
    );
    expect(await judged('verify', verifierKey, file, witness.verifierKey)).toMatchObject({ code: 1 });
    const stranger = await logKey(origin);
    await writeFile(file, note);
    expect(await judged('verify', stranger.vkey, file, witness.verifierKey)).toMatchObject({ code: 1 });
  },
  300_000,
);

whenGo(
  'a Tessera log publishes what our witness cosigned, and no second log under its key',
  async () => {
    const { skey, vkey } = await logKey('tessera.example/log');
    const url = await serveOurs(vkey);
    const log = join(folder, 'tessera');
    const { code, failed, passed } = await judged('log', url, key.verifierKey, skey, log);
    expect({ code, failed }).toEqual({ code: 0, failed: [] });
    expect(passed).toHaveLength(6);
    expect(await judged('verify', vkey, join(log, 'checkpoint'), key.verifierKey)).toMatchObject({
      code: 0,
      failed: [],
    });
    // A fresh log under the same key is a fork to the witness, and Tessera does not publish it.
    expect(await judged('log', url, key.verifierKey, skey, join(folder, 'fork'))).toMatchObject({
      code: 1,
      passed: [],
    });
  },
  300_000,
);

whenGo(
  "transparency-dev's client gets each answer of the standard from our witness",
  async () => {
    const { skey, vkey } = await logKey('client.example/log');
    const url = await serveOurs(vkey);
    const { code, failed, passed } = await judged('client', url, key.verifierKey, skey);
    expect({ code, failed }).toEqual({ code: 0, failed: [] });
    expect(passed).toHaveLength(13);
    expect(await judged('client', url, key.verifierKey, skey)).toMatchObject({ code: 1 });
  },
  120_000,
);
