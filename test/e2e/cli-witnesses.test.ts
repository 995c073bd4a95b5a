/** A user who wants witnesses, at the built command line: keys by hand, verdicts that tell, exit codes that follow. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { addTrust, NO_TRUST } from '../../src/core/trust/index.ts';
import type { LogKeyView } from '../../src/ledger/log-keys.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import { createLog } from '../../src/platform/logging/index.ts';
import { makeWitnessKey, readWitnessKey, startWitness } from '../../src/witness/index.ts';
import type { RunningWitness } from '../../src/witness/index.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { runBuilt } from '../support/server.ts';
import { Users, writeModel } from './cli-user.ts';

const UNWITNESSED = 'signed by the log, witness quorum not met';
const key = readWitnessKey(makeWitnessKey('witness.example/w').text);

interface Verdict {
  verdict: string;
  witnessed: { operators: number; quorum: number; met: boolean } | null;
  treeSize: number;
  newest: number;
}

let first: TestApp;
let app: TestApp;
let witness: RunningWitness;
let users: Users;
let folder = '';
let log: { origin: string; verifierKey: string };
const model = () => users.path('model.safetensors');

const start = async (port = 0) => {
  witness = await startWitness({
    folder: join(folder, 'witness'),
    key,
    logs: addTrust(sha256, NO_TRUST, log.verifierKey),
    log: createLog({ logLevel: 'silent' }),
    now: Date.now,
    host: '127.0.0.1',
    port,
  });
};

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 40_000; !(await holds());) {
    if (Date.now() > end) throw new Error('it does not hold in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-cli-witness-'));
  first = await startTestApp();
  log = (await (await fetch(`${first.url}/v1/log`)).json()) as typeof log;
  await start();
  const policy = {
    version: 1,
    operator: 'Registry',
    quorum: 1,
    witnesses: [{ verifierKey: key.verifierKey, operator: 'Somebody Else', url: witness.url }],
  };
  await writeFile(join(folder, 'policy.json'), JSON.stringify(policy));
  app = await startTestApp({
    beside: first,
    env: {
      MUNIMENT_WITNESSES: join(folder, 'policy.json'),
      MUNIMENT_CHECKPOINT_INTERVAL_MS: '50',
      MUNIMENT_LOG_KEY_OVERLAP_SECONDS: '1',
    },
  });
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  await users.join('registrar', 'acme', 'Acme Labs');
  await writeModel(model(), [1, 2, 3, 4]);
}, 60_000);
afterAll(async () => {
  await users?.remove();
  await app?.close();
  await witness?.close();
  await first?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('trust', () => {
  it('takes a witness only for a log that is trusted, whose operator is known', async () => {
    const add = ['trust', 'add', key.verifierKey];
    const named = ['--log', log.origin, '--operator', 'Somebody Else', '--quorum', '1'];
    expect(await users.run('reader', ...add)).toMatchObject({ code: 2, value: { field: 'log' } });
    expect(await users.run('reader', ...add, '--log', log.origin)).toMatchObject({
      code: 2,
      value: { field: 'operator' },
    });
    expect(await users.run('reader', ...add, ...named)).toMatchObject({ code: 3, value: { code: 'not_found' } });
    await users.do('reader', 'trust', 'add', log.verifierKey);
    expect(await users.run('reader', ...add, ...named)).toMatchObject({ code: 1, value: { field: 'operator' } });
    await users.do('reader', 'trust', 'pin', '--operator', 'Registry');
    expect(await users.do('reader', ...add, ...named)).toMatchObject({ added: true });
    expect(await users.do('reader', ...add, ...named)).toMatchObject({ added: false });
    const { logs } = await users.do<{ logs: object[] }>('reader', 'trust', 'show');
    expect(logs).toEqual([
      {
        ...{ origin: log.origin, verifierKey: log.verifierKey, operator: 'Registry', quorum: 1 },
        witnesses: [{ verifierKey: key.verifierKey, operator: 'Somebody Else' }],
      },
    ]);
    const shown = await runBuilt(['src/cli/main.js', 'trust', 'show'], users.env('reader'));
    expect(shown.stdout).toMatch(/witnesses +witness\.example\/w\+.*\(Somebody Else\)\nquorum +1 operators/);
  });

  it('takes no quorum that cannot be met, and no witness of the log itself towards it', async () => {
    const own = makeWitnessKey('own.example/w').verifierKey;
    expect(
      await users.run('reader', 'trust', 'add', own, '--log', log.origin, '--operator', 'registry', '--quorum', '2'),
    ).toMatchObject({ code: 1, value: { code: 'configuration_invalid', field: 'quorum' } });
    expect(await users.run('reader', 'trust', 'add', log.verifierKey, '--log', log.origin)).toMatchObject({
      code: 2,
      value: { field: 'log' },
    });
  });
});

describe('a reader who wants a witness', () => {
  let receipt = '';

  it('is told that a fresh receipt has none, and proved once the witness has seen it', async () => {
    const made = await users.do<{ receipt: { statement: string; witnesses: string[] } }>(
      'acme',
      ...['register', model(), '--name', 'digits', '--owner', 'Acme Labs', '--license', 'MIT'],
    );
    receipt = users.path('receipt.json');
    await writeFile(receipt, JSON.stringify(made.receipt));
    const fresh = await users.run<Verdict>('reader', 'log', 'verify', receipt);
    expect(fresh).toMatchObject({ code: 1, value: { verdict: UNWITNESSED, witnessed: { operators: 0, quorum: 1 } } });
    expect(fresh.stderr).toMatch(/fewer operators of witnesses than your trust file demands/);

    await until(async () => {
      await writeFile(receipt, await (await fetch(`${app.url}/v1/receipts/${made.receipt.statement}`)).text());
      return (await readFile(receipt, 'utf8')).includes('"witness.example/w"');
    });
    const later = await users.run<Verdict>('reader', 'log', 'verify', receipt);
    expect(later).toMatchObject({ code: 0, value: { verdict: 'proved', witnessed: { operators: 1, met: true } } });
    const said = await runBuilt(['src/cli/main.js', 'log', 'verify', receipt], users.env('reader'));
    expect(said.stdout).toMatch(/witnesses +1 of 1 operators\n +witness\.example\/w \(Somebody Else\), 20\d\d-/);
  });

  it('sees in a look-up who has witnessed it', async () => {
    expect(await users.run<Verdict>('reader', 'lookup', model())).toMatchObject({
      code: 0,
      value: { verdict: 'proved', witnessed: { operators: 1, quorum: 1, met: true } },
    });
    const said = await runBuilt(['src/cli/main.js', 'lookup', model()], users.env('reader'));
    expect(said.stdout).toMatch(/verdict: proved\..*\nwitnesses: 1 of 1 operators\n/s);
  });

  it('falls back to what the witness saw while it is away, and is told what is missing of a look-up', async () => {
    const before = await users.do<Verdict>('reader', 'log', 'verify');
    const port = Number(new URL(witness.url).port);
    await witness.close();
    await writeModel(users.path('second.safetensors'), [5, 6]);
    await users.do(
      'acme',
      ...['register', users.path('second.safetensors'), '--name', 'second', '--owner', 'Acme Labs', '--license', 'MIT'],
    );
    await until(async () => (await users.run<Verdict>('reader', 'log', 'verify')).value.newest > before.treeSize);
    const { code, value } = await users.run<Verdict>('reader', 'log', 'verify');
    expect([code, value]).toMatchObject([0, { verdict: 'proved', treeSize: before.treeSize }]);
    expect(await users.run('reader', 'lookup', users.path('second.safetensors'))).toMatchObject({
      code: 1,
      value: { verdict: UNWITNESSED },
    });
    const said = await runBuilt(['src/cli/main.js', 'lookup', users.path('second.safetensors')], users.env('reader'));
    expect(said.stdout).toMatch(/verdict: signed by the log, witness quorum not met/);
    await start(port);
    await until(async () => (await users.run('reader', 'lookup', users.path('second.safetensors'))).code === 0);
  });

  it('asks for no witness where the trust file names none', async () => {
    await users.do('plain', 'trust', 'pin');
    expect(await users.run<Verdict>('plain', 'log', 'verify')).toMatchObject({
      code: 0,
      value: { verdict: 'proved', witnessed: { quorum: 0 } },
    });
  });

  it('follows a new key of the log by what the witness has cosigned of the change', async () => {
    const keys = async () => (await (await fetch(`${app.url}/v1/log-keys`)).json()) as LogKeyView[];
    const cosigned = (receipt: Receipt | null) => receipt?.checkpoint.includes('— witness.example/w ') === true;
    await users.do('registrar', 'log', 'rotate-key');
    await until(async () => cosigned((await keys())[1]!.receipt));
    const port = Number(new URL(witness.url).port);
    await witness.close();
    log = { ...log, verifierKey: (await keys())[1]!.verifierKey };
    await start(port);
    await until(async () => (await users.run('registrar', 'log', 'retire-key', '--reason', 'yearly')).code === 0);
    await until(async () => cosigned((await keys())[0]!.retirement));
    // The entry after the retirement is the first that the new key signs alone.
    await users.join('registrar', 'late', 'Late Labs');
    const byLog = (note: string) => note.split(`— ${log.origin} `).length - 1;
    await until(async () => byLog(await (await fetch(`${app.url}/checkpoint/witnessed`)).text()) === 1);
    const followed = await users.run<Verdict>('reader', 'log', 'verify');
    expect(followed).toMatchObject({ code: 0, value: { verdict: 'proved', witnessed: { operators: 1, met: true } } });
    expect(followed.stderr).toContain('has replaced its key');
    const { logs } = await users.do<{ logs: object[] }>('reader', 'trust', 'show');
    expect(logs).toMatchObject([
      { verifierKey: log.verifierKey, quorum: 1, witnesses: [{ operator: 'Somebody Else' }] },
    ]);
    expect(await users.run<Verdict>('reader', 'log', 'verify', receipt)).toMatchObject({
      code: 0,
      value: { verdict: 'proved', witnessed: { operators: 1 } },
    });
  });
});
