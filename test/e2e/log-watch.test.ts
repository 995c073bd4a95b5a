/**
 * The monitor: what it finds, that it loses nothing, and that a registry which lies, rewinds or forks is found out. A
 * proxy in front of a real registry tells the lies.
 */
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { WatchEvent } from '../../src/cli/watch.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import { Client, Operator } from '../support/client.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { runBuilt } from '../support/server.ts';
import { runCli } from '../unit/cli/support.ts';
import { Users } from './cli-user.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(60_000);

type Tamper = (path: string, bytes: Buffer) => Buffer | undefined;

let app: TestApp;
let users: Users;
let proxy: Server;
let url: string;
let tamper: Tamper = () => undefined;
let away = false;
let operator: Operator;
let ada: Party;
let weightDigest: string;

beforeAll(async () => {
  app = await startTestApp({ env: { MUNIMENT_CHECKPOINT_INTERVAL_MS: '50' } });
  users = await Users.at(app.url);
  operator = await Operator.of(app.url, app.config.data);
  ada = await operator.makeParty({ name: 'Ada' });
  const model = modelOf(ada.id);
  weightDigest = model.weights.weightDigest!;
  await ada.made('/v1/models', model);
  // More than a bundle of entries, so that a watch crosses from one into the next.
  for (let i = 0; i < 10; i++) {
    await Promise.all(
      Array.from({ length: 27 }, (_, j) => operator.made('/v1/parties', { name: `P${i}-${j}`, roles: [] })),
    );
  }
  await published(271);

  proxy = createServer((request, response) => {
    void (async () => {
      if (away) return void request.socket.destroy();
      const answer = await fetch(`${app.url}${request.url}`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(tamper(request.url ?? '', bytes) ?? bytes);
    })();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});

/** Until a checkpoint of at least so many entries is published: on a busy machine that takes more than its interval. */
async function published(size: number): Promise<void> {
  const end = Date.now() + 30_000;
  while (Number((await (await fetch(`${app.url}/checkpoint`)).text()).split('\n')[1]) < size) {
    if (Date.now() > end) throw new Error(`no checkpoint of ${size} entries was published within 30 s`);
    await sleep(20);
  }
}

afterEach(() => {
  tamper = () => undefined;
  away = false;
});

afterAll(async () => {
  proxy.close();
  await users.remove();
  await app.close();
});

const eventsIn = (text: string): WatchEvent[] =>
  text
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => JSON.parse(each) as WatchEvent);

async function newUser(name: string): Promise<string> {
  await users.runHere(name, app.url, 'trust', 'pin');
  return name;
}

async function watch(user: string, ...argv: string[]) {
  const env = { ...users.env(user), MUNIMENT_URL: url };
  const { code, out, notes } = await runCli(['log', 'watch', '--once', '--json', ...argv], env);
  return { code, events: eventsIn(out), notes };
}

const of = <E extends WatchEvent['event']>(events: WatchEvent[], event: E) =>
  events.filter((each): each is Extract<WatchEvent, { event: E }> => each.event === event);

describe('a watch', () => {
  it('finds what speaks of a digest, from the beginning of the log, and says how many entries it may not read', async () => {
    const { code, events } = await watch(await newUser('finder'), '--digest', weightDigest);
    expect(code).toBe(0);
    expect(of(events, 'entry')).toMatchObject([
      { kind: 'registration', maker: ada.id, matched: { digests: [weightDigest] } },
    ]);
    const followed = of(events, 'followed');
    expect(followed.map(({ from }) => from)).toEqual([0, 256]);
    expect(followed[0]!.hidden).toBeGreaterThan(0);
  });

  it('goes on where it was, and finds what came since', async () => {
    const user = await newUser('goer');
    await watch(user, '--party', ada.id);
    expect(of((await watch(user, '--party', ada.id)).events, 'entry')).toEqual([]);
    const { id } = await ada.made('/v1/models', modelOf(ada.id));
    // Published within the interval.
    for (let tries = 0; tries < 50; tries++) {
      const found = of((await watch(user, '--party', ada.id)).events, 'entry');
      if (found.length === 0) continue;
      expect(found).toMatchObject([{ id, matched: { parties: [ada.id] } }]);
      return;
    }
    throw new Error('the new entry was not found');
  });

  it('keeps its place for its user alone', async () => {
    const user = await newUser('private');
    await watch(user);
    const folder = users.path(`${user}/watches`);
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it('that looks for something else begins anew', async () => {
    const user = await newUser('changer');
    await watch(user, '--party', ada.id);
    expect(of((await watch(user, '--digest', weightDigest)).events, 'entry')).toHaveLength(1);
  });

  it('begins where it is told to', async () => {
    const { events } = await watch(await newUser('late'), '--since', '256');
    expect(of(events, 'followed').map(({ from }) => from)).toEqual([256]);
    expect(of(events, 'entry').every(({ index }) => index >= 256)).toBe(true);
  });

  it('of a log without a pinned key tells what it finds, with exit code 1', async () => {
    const { code, events, notes } = await watch('stranger', '--digest', weightDigest);
    expect([code, of(events, 'entry').length]).toEqual([1, 1]);
    expect(notes).toContain('pinned no key');
  });

  it('waits for a registry that is away, and ends when it is told to', async () => {
    const user = await newUser('patient');
    away = true;
    let interrupt: () => void = () => undefined;
    let out = '';
    const running = runCli(
      ['log', 'watch', '--json', '--every', '0.1', '--digest', weightDigest],
      { ...users.env(user), MUNIMENT_URL: url },
      { out: (text) => void (out += text), onInterrupt: (handler) => ((interrupt = handler), () => undefined) },
    );
    const until = async (event: WatchEvent['event'], times = 1) => {
      while (of(eventsIn(out), event).length < times) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await until('unreachable', 2);
    const [first, second] = of(eventsIn(out), 'unreachable');
    expect(second!.retryInSeconds).toBe(2 * first!.retryInSeconds);
    away = false;
    await until('entry');
    interrupt();
    expect((await running).code).toBe(0);
    expect(eventsIn(out).at(-1)).toEqual({ event: 'stopped' });
  });

  it('as a process that looks once ends with exit code 0', async () => {
    const user = await newUser('process');
    const { code, stdout } = await runBuilt(
      ['src/cli/main.js', 'log', 'watch', '--once', '--party', ada.id],
      users.env(user),
    );
    expect(code).toBe(0);
    expect(stdout).toContain(ada.id);
  });
});

describe('a registry is found out that', () => {
  const json = (path: string, change: (answer: { statements: Record<string, unknown>[] }) => void): Tamper => {
    return (asked, bytes) => {
      if (!asked.startsWith(path)) return undefined;
      const answer = JSON.parse(bytes.toString()) as { statements: Record<string, unknown>[] };
      change(answer);
      return Buffer.from(JSON.stringify(answer));
    };
  };
  const publicOnes = (answer: { statements: Record<string, unknown>[] }) =>
    answer.statements.filter(({ visibility }) => visibility === 'public');

  it.each<[string, Tamper]>([
    [
      'changes an entry',
      (path, bytes) => {
        if (!path.startsWith('/tile/entries/000')) return undefined;
        const at = bytes.indexOf('"digest":"') + 10;
        bytes[at] = bytes[at] === 0x41 ? 0x42 : 0x41;
        return bytes;
      },
    ],
    [
      'leaves the last entries of a bundle out',
      (path, bytes) => (path.startsWith('/tile/entries/') ? bytes.subarray(0, 2 + bytes.readUInt16BE(0)) : undefined),
    ],
    [
      'lists one statement in the place of another',
      json('/v1/statements', (answer) => {
        const [a, b] = publicOnes(answer);
        [a!['envelope'], b!['envelope']] = [b!['envelope'], a!['envelope']];
      }),
    ],
    [
      'lists another entry',
      json('/v1/statements', (answer) => {
        const [a, b] = answer.statements;
        a!['entry'] = b!['entry'];
      }),
    ],
    [
      'leaves a public statement out',
      json('/v1/statements', (answer) => void delete publicOnes(answer)[0]!['envelope']),
    ],
    ['lists too little', json('/v1/statements', (answer) => void answer.statements.pop())],
  ])('%s', async (_, lie) => {
    const user = await newUser(`deceived-${Math.random()}`);
    tamper = lie;
    const { code, events } = await watch(user);
    expect([1, 4]).toContain(code);
    expect(of(events, 'refused')).toMatchObject([{ evidence: null }]);
    expect(of(events, 'followed')).toEqual([]);
  });

  it('took back what it showed: a rollback, with both signed states kept for whoever asks', async () => {
    const user = await newUser('rolled');
    await watch(user);
    const shorter = Buffer.from(await (await fetch(`${app.url}/checkpoint`)).text());
    await operator.made('/v1/parties', { name: 'later', roles: [] });
    const client = new Client(app.url);
    const sizeNow = async () => (await client.read<LogIdentity>('/v1/log')).treeSize;
    const before = Number(shorter.toString().split('\n')[1]);
    while ((await sizeNow()) === before) await new Promise((resolve) => setTimeout(resolve, 20));
    await watch(user);
    tamper = (path) => (path === '/checkpoint' ? shorter : undefined);
    const { code, events } = await watch(user);
    expect(code).toBe(1);
    const [found] = of(events, 'rollback');
    expect(found).toMatchObject({ code: 'checkpoint_rolled_back', evidence: expect.any(String) });
    expect((await stat(found!.evidence!)).mode & 0o777).toBe(0o600);
    const { kept, shown } = JSON.parse(await readFile(found!.evidence!, 'utf8')) as { kept: string; shown: string };
    expect(shown).toBe(shorter.toString());
    expect(Number(kept.split('\n')[1])).toBeGreaterThan(before);
  });

  it('forked: another tree of the size that was seen, named so by every command that looks at the log', async () => {
    const user = await newUser('forked');
    await watch(user);
    const folder = users.path(`${user}/checkpoints`);
    const [name] = await readdir(folder);
    const file = join(folder, name!);
    // As if another tree had been shown before: what counts is that the two differ.
    const other = (await readFile(file, 'utf8')).replace(/\n([A-Za-z0-9+/]{43}=)\n/, `\n${'A'.repeat(43)}=\n`);
    await writeFile(file, other);
    const { code, events } = await watch(user);
    expect(code).toBe(1);
    const [found] = of(events, 'fork');
    const evidence = JSON.parse(await readFile(found!.evidence!, 'utf8')) as Record<string, string>;
    expect(evidence).toMatchObject({ code: 'proof_invalid', kept: other, shown: expect.stringContaining(ada.origin) });
    const told = await users.runHere<{ fix?: string }>(user, url, 'log', 'verify');
    expect(told).toMatchObject({ code: 1, value: { fix: expect.stringContaining(found!.evidence!) } });
  });
});

describe('GET /v1/statements', () => {
  it('shows public statements whole and of the others the entry alone, whoever asks', async () => {
    for (const client of [new Client(app.url), operator]) {
      const { statements, treeSize } = await client.read<{
        statements: { index: number; visibility: string; envelope?: object; publicKey?: string }[];
        treeSize: number;
      }>('/v1/statements?from=1&limit=5');
      expect(statements.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5]);
      expect(treeSize).toBeGreaterThan(270);
      for (const { visibility, envelope, publicKey } of statements) {
        expect([envelope === undefined, publicKey === undefined]).toEqual(
          visibility === 'public' ? [false, false] : [true, true],
        );
      }
      expect(new Set(statements.map(({ visibility }) => visibility))).toEqual(new Set(['public', 'hidden']));
    }
  });

  it.each(['from=0&limit=257', 'from=0&limit=0', 'limit=1', 'from=-1', 'from=0&to=3'])('refuses %s', async (query) => {
    expect(await new Client(app.url).get(`/v1/statements?${query}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_input' },
    });
  });

  it('lists nothing beyond the end', async () => {
    expect((await new Client(app.url).read<{ statements: [] }>('/v1/statements?from=100000')).statements).toEqual([]);
  });
});
