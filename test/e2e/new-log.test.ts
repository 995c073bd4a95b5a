/**
 * The end of a log is lost: the server refuses to go on and says what to type; what it says is typed; and whoever trusted
 * the old log is told that a new one follows it, or that the new one forgets what they saw.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { makeDataFolder, startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import { Client, Operator } from '../support/client.ts';
import type { LogIdentity } from '../support/client.ts';
import { createTestDatabase } from '../support/postgres.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { runCli } from '../unit/cli/support.ts';
import { Users } from './cli-user.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(120_000);

let users: Users;
let old: TestApp;
let stale: TestDatabase;
let fresh: TestDatabase;
let data: string;
let next: TestApp | undefined;
let oldLog: LogIdentity;
/** What the reader of the old log saw last, and before. */
let seen: { early: string; late: string };
let command: string[];
const env = () => ({
  MUNIMENT_DATA: data,
  DATABASE_URL: fresh.appUrl.reveal(),
  MUNIMENT_MIGRATION_DATABASE_URL: fresh.ownerUrl.reveal(),
  MUNIMENT_LOG_LEVEL: 'silent',
  MUNIMENT_HOME: users.path('operator'),
});

beforeAll(async () => {
  old = await startTestApp();
  users = await Users.at(old.url);
  oldLog = await new Client(old.url).read<LogIdentity>('/v1/log');
  const ada = await (await Operator.of(old.url, old.config.data)).makeParty();
  const look = async (user: string): Promise<string> => {
    await users.runHere(user, old.url, 'trust', 'pin');
    const { code, value } = await users.runHere<{ checkpoint: string }>(user, old.url, 'log', 'checkpoint');
    expect(code).toBe(0);
    return value.checkpoint;
  };
  const early = await look('early');
  await old.close({ keep: true });
  // A backup, and then more that is on record.
  stale = await createTestDatabase({ template: old.database.name });
  old = await startTestApp({ beside: old });
  const party = Object.assign(ada, { url: old.url });
  let last = 0;
  for (let i = 0; i < 3; i++) ({ index: last } = await party.made('/v1/models', modelOf(party.id)));
  const published = async () => (await new Client(old.url).read<LogIdentity>('/v1/log')).treeSize;
  while ((await published()) <= last) await new Promise((resolve) => setTimeout(resolve, 50));
  seen = { early, late: await look('late') };
  await old.close({ keep: true });
  fresh = await createTestDatabase();
  data = await makeDataFolder();
});
afterAll(async () => {
  await next?.close({ keep: true });
  for (const database of [old.database, stale, fresh]) await database.drop();
  for (const folder of [old.config.data, data]) await rm(folder, { recursive: true, force: true });
  await users.remove();
});

describe('a server whose log lost its end', () => {
  it('refuses to go on, and says what to type', async () => {
    const restored = { ...old, database: stale };
    const refused = await startTestApp({ beside: restored }).then(
      () => undefined,
      (error: { code: string; fix: string; message: string }) => error,
    );
    expect(refused).toMatchObject({
      code: 'ledger_refuses_to_sign',
      message: expect.stringContaining('end is missing'),
    });
    command = /"muniment (new-log [^"]+)"/.exec(refused!.fix)![1]!.split(' ');
    expect(command.slice(1, 3)).toEqual([oldLog.origin, seen.late.split('\n')[1]]);
  });

  it('is followed by a new log whose first entry names the head that was lost', async () => {
    const { code, out } = await runCli([...command, '--json'], env());
    expect(code).toBe(0);
    const begun = JSON.parse(out) as { origin: string; verifierKey: string };
    expect(begun.origin).not.toBe(oldLog.origin);
    next = await startTestApp({ beside: { ...old, database: fresh, config: { ...old.config, data } } });
    expect(await new Client(next.url).read('/v1/log')).toMatchObject({
      origin: begun.origin,
      verifierKey: begun.verifierKey,
    });
    const list = await new Client(next.url).read<{ statements: { envelope: { payload: string } }[] }>(
      '/v1/statements?from=0&limit=1',
    );
    const { predicate } = JSON.parse(Buffer.from(list.statements[0]!.envelope.payload, 'base64').toString()) as {
      predicate: { previous: { origin: string; size: number; root: string } };
    };
    const [origin, size, root] = seen.late.split('\n');
    expect(predicate.previous).toEqual({
      origin,
      size: Number(size),
      root: `sha256:${Buffer.from(root!, 'base64').toString('hex')}`,
    });
  });

  it('begins no second one over it', async () => {
    const { code, out } = await runCli([...command, '--json'], env());
    expect([code, JSON.parse(out)]).toEqual([1, expect.objectContaining({ code: 'state_conflict' })]);
  });
});

describe('whoever trusted the old log', () => {
  const look = (user: string, ...argv: string[]) =>
    users.runHere<{ verdict?: string; code?: string }>(user, next!.url, 'log', ...argv);

  it('and saw its last state is told that the new one names that very state', async () => {
    const { code, value, stderr } = await look('late', 'verify');
    expect([code, value.verdict]).toEqual([1, 'follows a log that you trust, origin unproven']);
    expect(stderr).toContain('the very state that you have seen last');
  });

  it('and saw an earlier state is told that only the old log could show more', async () => {
    const { code, value, stderr } = await look('early', 'verify');
    expect([code, value.verdict]).toEqual([1, 'follows a log that you trust, origin unproven']);
    expect(stderr).toContain('a later state than the one that you have seen');
  });

  it('is told the same by the monitor', async () => {
    const { out } = await runCli(['log', 'watch', '--once', '--json'], {
      ...users.env('late'),
      MUNIMENT_URL: next!.url,
    });
    expect(JSON.parse(out.split('\n')[0]!)).toMatchObject({ verdict: 'follows a log that you trust, origin unproven' });
  });

  it.each([
    ['seen more than it names', (size: number) => size + 1, 'checkpoint_rolled_back'],
    ['seen another state of that size', (size: number) => size, 'proof_invalid'],
  ])('and has %s keeps both signed states', async (_, change, expected) => {
    const user = `cheated-${expected}`;
    // A reader who saw something else of the old log: what it kept is what counts.
    await users.runHere(user, next!.url, 'trust', 'add', oldLog.verifierKey);
    const [origin, size] = seen.late.split('\n');
    const note = `${origin}\n${change(Number(size))}\n${Buffer.alloc(32, 7).toString('base64')}\n${seen.late.slice(seen.late.indexOf('\n\n') + 1)}`;
    const { keepCheckpoint } = await import('../../src/cli/kept-checkpoints.ts');
    await keepCheckpoint(users.path(user), { origin: origin!, note });
    const { code, value } = await look(user, 'verify');
    expect([code, value.code]).toEqual([1, expected]);
    const { fix } = value as { fix?: string };
    const evidence = JSON.parse(await readFile(/kept in (\S+):/.exec(fix!)![1]!, 'utf8')) as { kept: string };
    expect(evidence.kept).toBe(note);
  });

  it('believes the new one once its key came another way', async () => {
    const { verifierKey } = await new Client(next!.url).read<LogIdentity>('/v1/log');
    await users.runHere('late', next!.url, 'trust', 'add', verifierKey);
    expect(await look('late', 'verify')).toMatchObject({ code: 0, value: { verdict: 'proved' } });
  });

  it('a stranger who trusts nobody is told nothing of all that', async () => {
    expect(await look('stranger', 'verify')).toMatchObject({
      code: 1,
      value: { verdict: 'consistent, origin unproven' },
    });
  });
});

describe('the old head', () => {
  it('may be named by a signed state, under the pinned key of the old log', async () => {
    const file = users.path('last.checkpoint');
    const say = async (note: string) => {
      await writeFile(file, note);
      const { out } = await runCli(['new-log', '--checkpoint', file, '--json'], {
        ...env(),
        MUNIMENT_HOME: users.path('late'),
      });
      return (JSON.parse(out) as { code: string }).code;
    };
    // The genuine one is taken, and then there is a log already.
    expect(await say(seen.late)).toBe('state_conflict');
    expect(await say(seen.late.replace(/\n(\d+)\n/, (_, size: string) => `\n${Number(size) + 1}\n`))).toBe(
      'signature_invalid',
    );
  });

  it.each([[['x']], [['x', '1']], [['x', '1', 'abc']], [['x', '-1', `sha256:${'0'.repeat(64)}`]], [[]]])(
    '%j is wrong usage',
    async (argv) => {
      expect((await runCli(['new-log', ...argv, '--json'], env())).code).toBe(2);
    },
  );
});
