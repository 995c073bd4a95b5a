/**
 * The log replaces its key in good order: both sign for a while, readers follow what is recorded under the key that they
 * pinned, and nothing else; what the former key signed goes on to verify.
 */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { WebhooksAndLogKeys1700000000013 } from '../../migrations/0013-webhooks-and-log-keys.ts';
import { parseNote } from '../../src/core/note/note.ts';
import { CheckpointSigner } from '../../src/ledger/checkpoint-signer.ts';
import { runFsck } from '../../src/ledger/fsck/index.ts';
import { makeEd25519 } from '../../src/platform/crypto.ts';
import { dataSourceOptions } from '../../src/platform/database/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import { Client, Operator } from '../support/client.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { runCli } from '../unit/cli/support.ts';
import { Users } from './cli-user.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(120_000);

let app: TestApp;
let replica: TestApp;
let users: Users;
let ada: Party;
let registrarKey: string;
let first: LogIdentity;
let oldReceipt: string;
const env = { MUNIMENT_CHECKPOINT_INTERVAL_MS: '50', MUNIMENT_LOG_KEY_OVERLAP_SECONDS: '2' };

const fsck = () => runFsck({ database: app.database, anchorDir: app.config.anchorDir, full: true });
const identity = () => new Client(app.url).read<LogIdentity>('/v1/log');
const verify = (user: string, url = app.url) =>
  users.runHere<{ verdict?: string; code?: string }>(user, url, 'log', 'verify');
const trustOf = (user: string) => readFile(users.path(`${user}/trust.json`), 'utf8');
const asRegistrar = (...argv: string[]) =>
  users.runHere<{ code?: string }>('registrar', app.url, 'log', ...argv, '--api-key', registrarKey);

/** The newest checkpoint after one more entry, from either replica. */
async function grown({ url }: TestApp): Promise<{ note: string; signers: number }> {
  const { index } = await Object.assign(ada, { url }).made('/v1/models', modelOf(ada.id));
  for (;;) {
    const note = (await new Client(url).get('/checkpoint')).text;
    if (Number(note.split('\n')[1]) > index) return { note, signers: parseNote(note).signatures.length };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function untilSigners(replicated: TestApp, count: number): Promise<string> {
  for (;;) {
    const { note, signers } = await grown(replicated);
    if (signers === count) return note;
  }
}

async function retire(): Promise<void> {
  while ((await asRegistrar('retire-key', '--reason', 'yearly')).code !== 0) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

beforeAll(async () => {
  app = await startTestApp({ env });
  replica = await startTestApp({ env, beside: app });
  users = await Users.at(app.url);
  registrarKey = `@${join(app.config.data, 'registrar.key')}`;
  ada = await (await Operator.of(app.url, app.config.data)).makeParty();
  first = await identity();
  for (const user of ['reader', 'away', 'offline', 'deceived']) await users.runHere(user, app.url, 'trust', 'pin');
  oldReceipt = users.path('old.receipt');
  await writeFile(oldReceipt, JSON.stringify(await ada.made('/v1/models', modelOf(ada.id))));
  await verify('reader');
});
afterAll(async () => {
  await replica.close();
  await app.close();
  await users.remove();
});

describe('while a key is being replaced', () => {
  it('the next one is announced in the log, and every replica signs with both', async () => {
    expect(await asRegistrar('rotate-key')).toMatchObject({ code: 0, value: { kind: 'log-key' } });
    for (const each of [app, replica]) {
      const note = await untilSigners(each, 2);
      expect(note.startsWith(`${first.origin}\n`)).toBe(true);
    }
  });

  it('whoever pinned the present key notices nothing, and the server shows that key', async () => {
    const { code, value, stderr } = await verify('reader');
    expect([code, value.verdict, stderr]).toEqual([0, 'proved', '']);
    expect((await identity()).verifierKey).toBe(first.verifierKey);
  });

  it('no third one is announced, and none retired before the overlap is over', async () => {
    expect(await asRegistrar('rotate-key')).toMatchObject({ code: 1, value: { code: 'state_conflict' } });
    expect(await asRegistrar('retire-key')).toMatchObject({ code: 1, value: { code: 'state_conflict' } });
  });

  it('is a matter of the registrar alone', async () => {
    for (const path of ['/v1/log-keys', '/v1/log-keys/retire']) {
      expect((await Object.assign(ada, { url: app.url }).post(path, {})).status).toBe(403);
    }
  });
});

describe('when the former key is retired', () => {
  it('the next one signs alone, under the name that the log always had', async () => {
    await retire();
    for (const each of [app, replica]) await untilSigners(each, 1);
    const { origin, verifierKey } = await identity();
    expect(origin).toBe(first.origin);
    expect(verifierKey).not.toBe(first.verifierKey);
  });

  it('a reader who pinned the former one follows, is told so, and once', async () => {
    const { verifierKey } = await identity();
    const followed = await verify('reader');
    expect([followed.code, followed.value.verdict]).toEqual([0, 'proved']);
    expect(followed.stderr).toContain('has replaced its key');
    expect(followed.stderr).toContain(verifierKey);
    expect(JSON.parse(await trustOf('reader'))).toMatchObject({
      logs: [{ origin: first.origin, verifierKey, formerKeys: [{ verifierKey: first.verifierKey }] }],
    });
    expect((await verify('reader')).stderr).toBe('');
  });

  it('a receipt from before goes on to verify, without a network', async () => {
    const { code, value } = await users.runHere('reader', 'http://127.0.0.1:1', 'log', 'verify', oldReceipt);
    expect([code, value]).toEqual([0, expect.objectContaining({ verdict: 'proved' })]);
  });

  it('without a network nobody follows', async () => {
    const file = users.path('new.receipt');
    const receipt = await new Client(app.url).read<object>(
      `/v1/receipts/${(await Object.assign(ada, { url: app.url }).made('/v1/models', modelOf(ada.id))).statement}`,
    );
    await writeFile(file, JSON.stringify(receipt));
    const offline = await users.runHere('offline', 'http://127.0.0.1:1', 'log', 'verify', file);
    expect(offline).toMatchObject({ code: 1, value: { code: 'checkpoint_untrusted' } });
  });

  it('the log could not do without the last key', async () => {
    expect(await asRegistrar('retire-key')).toMatchObject({ code: 1, value: { code: 'state_conflict' } });
  });
});

it('a reader who was away for two changes follows both, and so does the monitor', async () => {
  await asRegistrar('rotate-key');
  await untilSigners(app, 2);
  await retire();
  await untilSigners(app, 1);
  const { out, notes } = await runCli(['log', 'watch', '--once', '--json'], {
    ...users.env('away'),
    MUNIMENT_URL: app.url,
  });
  expect(JSON.parse(out.split('\n')[0]!)).toMatchObject({ event: 'checkpoint', verdict: 'proved' });
  expect(notes).toContain('has replaced its key');
  const { logs } = JSON.parse(await trustOf('away')) as { logs: { formerKeys: object[] }[] };
  expect(logs[0]!.formerKeys).toHaveLength(2);
});

it('a restarted server goes on with the keys that the log says', async () => {
  const beside = await startTestApp({ env, beside: app });
  expect((await grown(beside)).signers).toBe(1);
  await beside.close();
});

it('the verifier finds nothing wrong, and a key that nobody announced', async () => {
  expect((await fsck()).findings).toEqual([]);
  const source = await new DataSource(dataSourceOptions(app.database.superuserUrl, [])).initialize();
  await source.query(`INSERT INTO registry.log_key VALUES ($1, NULL, $2, 3)`, [
    new CheckpointSigner('thief', makeEd25519()).verifierKey,
    `sha256:${'0'.repeat(64)}`,
  ]);
  expect((await fsck()).findings).toMatchObject([{ table: 'registry.log_key' }]);
  await source.query(`DELETE FROM registry.log_key WHERE recorded_index = 3`);
  await source.destroy();
});

describe('nobody follows a server that', () => {
  /** Signs in the log's name with a key of its own, and answers for the list of keys as it is told. */
  async function thief(keys: (genuine: Record<string, unknown>[], own: string) => unknown[]): Promise<string> {
    const [genuine, note] = await Promise.all([
      new Client(app.url).read<Record<string, unknown>[]>('/v1/log-keys'),
      new Client(app.url).get('/checkpoint'),
    ]);
    const signer = new CheckpointSigner(first.origin.slice(0, first.origin.lastIndexOf('/')), makeEd25519());
    Object.defineProperty(signer, 'origin', { value: first.origin });
    const { pkcs8, key } = forged(signer);
    signer.use([pkcs8]);
    const [, size, root] = note.text.split('\n');
    const checkpoint = signer.sign({ size: Number(size), root: Buffer.from(root!, 'base64') });
    const server = createServer((request, response) => {
      if (request.url === '/checkpoint') return void response.end(checkpoint);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(keys(genuine, key)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const servers: ReturnType<typeof createServer>[] = [];
  const forged = (signer: CheckpointSigner) => {
    const pkcs8 = makeEd25519();
    return { pkcs8, key: signer.verifierKeyOf(pkcs8) };
  };
  afterAll(() => {
    for (const server of servers) server.close();
  });

  it.each<[string, (genuine: Record<string, unknown>[], own: string) => unknown[]]>([
    ['names its own key as the next', ([a, b], own) => [a, { ...b, verifierKey: own }]],
    ['shows another receipt for it', ([a, b], own) => [a, b, { ...a, verifierKey: own }]],
    ['shows no retirement', (all) => all.map((each) => ({ ...each, retirement: null }))],
    ['shows nothing', () => []],
  ])('%s', async (_, keys) => {
    const { code, value } = await verify('deceived', await thief(keys));
    expect([code, value.code]).toEqual([1, 'checkpoint_untrusted']);
    // What is genuine may be followed on the way; the thief's key never gets in.
    const { logs } = JSON.parse(await trustOf('deceived')) as { logs: { verifierKey: string }[] };
    const genuine = (await new Client(app.url).read<{ verifierKey: string }[]>('/v1/log-keys')).map(
      (each) => each.verifierKey,
    );
    for (const { verifierKey } of logs) expect(genuine).toContain(verifierKey);
  });
});

it('the migration names the key of a log that was begun before', async () => {
  const old = await startTestApp();
  const source = await new DataSource(dataSourceOptions(old.database.ownerUrl.reveal(), [])).initialize();
  const runner = source.createQueryRunner();
  await old.close({ keep: true });
  const migration = new WebhooksAndLogKeys1700000000013();
  await migration.down(runner);
  await migration.up(runner);
  await runner.release();
  await source.destroy();
  const again = await startTestApp({ beside: old });
  expect((await runFsck({ database: old.database, anchorDir: old.config.anchorDir, full: true })).findings).toEqual([]);
  await again.close({ keep: false });
});
