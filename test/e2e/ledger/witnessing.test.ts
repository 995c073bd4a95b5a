/**
 * A registry with two replicas and three witnesses, of which one is its own operator's: who is asked, what is stored, what
 * readers are shown, and what happens when witnesses fail, lie or know another log.
 */
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseCheckpoint } from '../../../src/core/note/checkpoint.ts';
import { parseNote } from '../../../src/core/note/note.ts';
import type { Receipt } from '../../../src/core/statement/receipt.ts';
import type { Trust } from '../../../src/core/trust/index.ts';
import {
  addTrust,
  addWitness,
  NO_TRUST,
  PROVED,
  UNWITNESSED,
  verifyCheckpoint,
  verifyReceiptAgainst,
} from '../../../src/core/trust/index.ts';
import { runFsck } from '../../../src/ledger/fsck/index.ts';
import { sha256, verifyEd25519, verifyP256 } from '../../../src/platform/crypto.ts';
import { createLog } from '../../../src/platform/logging/index.ts';
import type { RunningWitness, WitnessKey } from '../../../src/witness/index.ts';
import { makeWitnessKey, readWitnessKey, startWitness } from '../../../src/witness/index.ts';
import type { TestApp } from '../../support/app.ts';
import { startTestApp } from '../../support/app.ts';
import { Operator } from '../../support/client.ts';
import { query } from '../../support/postgres.ts';

const CRYPTO = { sha256, verifyEd25519, verifyP256 };
const KEYS = Object.fromEntries(
  ['ada', 'ben', 'own'].map((name) => [name, readWitnessKey(makeWitnessKey(`${name}.example/w`).text)]),
) as Record<'ada' | 'ben' | 'own', WitnessKey>;
const OPERATORS = { ada: 'Ada', ben: 'Ben', own: 'Registry' };
type Name = keyof typeof KEYS;

let first: TestApp;
let operator: Operator;
let folder = '';
let verifierKey = '';
let origin = '';
let trust: Trust;
const ports = new Map<Name, number>();
const running = new Map<Name, RunningWitness>();
const replicas: TestApp[] = [];
let liar: Server | undefined;

async function startOne(name: Name): Promise<void> {
  const witness = await startWitness({
    folder: join(folder, name),
    key: KEYS[name],
    logs: addTrust(sha256, NO_TRUST, verifierKey),
    log: createLog({ logLevel: 'silent' }),
    now: Date.now,
    host: '127.0.0.1',
    port: ports.get(name) ?? 0,
  });
  ports.set(name, Number(new URL(witness.url).port));
  running.set(name, witness);
}

const stopOne = async (name: Name) => {
  await running.get(name)?.close();
  running.delete(name);
};

async function replica(urls: Partial<Record<Name, string>> = {}, quorum = 2): Promise<TestApp> {
  const file = join(folder, `policy-${replicas.length}.json`);
  const witnesses = (Object.keys(KEYS) as Name[]).map((name) => ({
    verifierKey: KEYS[name].verifierKey,
    operator: OPERATORS[name],
    url: urls[name] ?? `http://127.0.0.1:${ports.get(name)}`,
  }));
  await writeFile(file, JSON.stringify({ version: 1, operator: 'Registry', quorum, witnesses }));
  const env = { MUNIMENT_WITNESSES: file, MUNIMENT_CHECKPOINT_INTERVAL_MS: '50' };
  const app = await startTestApp({ beside: first, env });
  replicas.push(app);
  return app;
}

const text = async (app: TestApp, path: string) => (await fetch(`${app.url}${path}`)).text();
const json = async <T>(app: TestApp, path: string) => (await (await fetch(`${app.url}${path}`)).json()) as T;
const write = () => operator.made<Receipt>('/v1/parties', { name: 'Ada' });
const sizeOf = (note: string) => parseCheckpoint(parseNote(note).text).size;
const judge = (note: string) => verifyCheckpoint(CRYPTO, note, trust);

/** Looks again until it holds: what happens in the background has no moment of its own. */
async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  const end = Date.now() + 40_000;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > end) throw new Error(`still ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const witnessed = (app: TestApp, size: number) =>
  until(
    () => text(app, '/checkpoint/witnessed'),
    (note) => note.startsWith(origin) && sizeOf(note) >= size,
  );
const health = async (app: TestApp) =>
  await json<{ status: string; checks: Record<string, { ok: boolean; warning?: string }> }>(app, '/health/ready');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-witnessing-'));
  first = await startTestApp({ env: { MUNIMENT_CHECKPOINT_INTERVAL_MS: '50' } });
  operator = await Operator.of(first.url, first.config.data);
  ({ verifierKey, origin } = await json<{ verifierKey: string; origin: string }>(first, '/v1/log'));
  for (const name of ['ada', 'ben', 'own'] as const) await startOne(name);
  trust = addTrust(sha256, NO_TRUST, verifierKey, { operator: 'Registry' });
  for (const name of ['ada', 'ben', 'own'] as const) {
    trust = addWitness(sha256, trust, origin, { verifierKey: KEYS[name].verifierKey, operator: OPERATORS[name] });
  }
  trust = addTrust(sha256, trust, verifierKey, { quorum: 2 });
});
afterEach(async () => {
  for (const app of replicas.splice(0)) await app.close();
  await new Promise<void>((resolve) => (liar === undefined ? resolve() : void liar.close(() => resolve())));
  liar = undefined;
});
afterAll(async () => {
  for (const name of [...running.keys()]) await stopOne(name);
  await first.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a log with witnesses', () => {
  it('gets each newest checkpoint cosigned, and shows it to readers of every replica', async () => {
    const [a, b] = [await replica(), await replica()];
    const { index } = await write();
    for (const app of [a, b]) {
      const judged = await judge(await witnessed(app, index + 1));
      expect(judged.verdict).toBe(PROVED);
      expect(judged.witnessed).toMatchObject({ operators: 2, quorum: 2, met: true });
    }
    const newest = await until(
      () => text(b, '/checkpoint'),
      (note) => parseNote(note).signatures.length === 4,
    );
    expect((await judge(newest)).witnessed?.witnesses.map(({ operator }) => operator).sort()).toEqual([
      'Ada',
      'Ben',
      'Registry',
    ]);
    expect(await json(b, '/v1/log')).toMatchObject({ witnessing: { operator: 'Registry', quorum: 2 } });
  });

  it('has receipts and look-ups say who has witnessed, in a form that is verified', async () => {
    const app = await replica();
    const fresh = await write();
    expect(fresh.witnesses).toEqual([]);
    expect((await verifyReceiptAgainst(CRYPTO, fresh, trust)).checkpoint.verdict).toBe(UNWITNESSED);
    await witnessed(app, fresh.index + 1);
    const receipt = await json<Receipt>(app, `/v1/receipts/${fresh.statement}`);
    expect([...receipt.witnesses!].sort()).toEqual(expect.arrayContaining(['ada.example/w', 'ben.example/w']));
    expect((await verifyReceiptAgainst(CRYPTO, receipt, trust)).checkpoint.verdict).toBe(PROVED);
    const claiming = { ...receipt, witnesses: [...receipt.witnesses!, 'eve.example/w'] };
    await expect(verifyReceiptAgainst(CRYPTO, claiming, trust)).rejects.toMatchObject({ code: 'proof_invalid' });
    const { witnesses, ...older } = receipt;
    expect(witnesses).toBeDefined();
    expect((await verifyReceiptAgainst(CRYPTO, older, trust)).checkpoint.verdict).toBe(PROVED);
  });

  it('learns from a witness what that one holds, when the registry has forgotten it', async () => {
    const app = await replica();
    await witnessed(app, (await write()).index + 1);
    await query(first.database.superuserUrl, 'UPDATE ops.witness SET known_size = 1');
    await witnessed(app, (await write()).index + 1);
    await query(first.database.superuserUrl, 'DELETE FROM ops.witness');
    await witnessed(app, (await write()).index + 1);
    expect((await health(app)).checks['witnesses']).toEqual({ ok: true });
  });

  it('is verified by fsck, cosignatures included', async () => {
    const report = await runFsck({ database: first.database, anchorDir: first.config.anchorDir, full: true });
    expect(report.findings).toEqual([]);
    expect(report.checked.cosignatures).toBeGreaterThan(5);
  });
});

describe('a witness that fails', () => {
  it('degrades the health with its name and since when, and holds up neither writes nor the others', async () => {
    await stopOne('ben');
    const app = await replica();
    const { index } = await write();
    const report = await until(
      () => health(app),
      ({ checks }) => checks['witnesses']?.warning !== undefined,
    );
    expect(report.status).toBe('ready');
    expect(report.checks['witnesses']!.warning).toMatch(
      /^The witness ben\.example\/w \(Ben\) has not cosigned since \d{4}-.*cannot be reached.*The quorum of 2 operators is not met since \d{4}-/,
    );
    const newest = await until(
      () => text(app, '/checkpoint'),
      (note) => sizeOf(note) > index && parseNote(note).signatures.length === 3,
    );
    expect(await judge(newest)).toMatchObject({ verdict: UNWITNESSED, witnessed: { operators: 1, met: false } });

    await startOne('ben');
    expect((await judge(await witnessed(app, index + 1))).verdict).toBe(PROVED);
    await until(
      () => health(app),
      ({ checks }) => checks['witnesses']!.warning === undefined,
    );
  });

  it('leaves what the quorum saw to readers who want it, while the newest goes on', async () => {
    const app = await replica();
    const before = await witnessed(app, (await write()).index + 1);
    await stopOne('ada');
    const { index, statement } = await write();
    await until(
      () => text(app, '/checkpoint'),
      (note) => sizeOf(note) > index,
    );
    expect(sizeOf(await text(app, '/checkpoint/witnessed'))).toBe(sizeOf(before));
    expect((await json<Receipt>(app, `/v1/receipts/${statement}`)).treeSize).toBeGreaterThan(index);
    await startOne('ada');
    await witnessed(app, index + 1);
  });
});

const answering = async (answer: (response: ServerResponse, body: string) => void | Promise<void>) => {
  liar = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => void answer(response, body));
  });
  await new Promise<void>((resolve) => liar!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(liar.address() as AddressInfo).port}`;
};

describe('whoever answers in place of a witness', () => {
  const relay = async (name: Name, body: string) =>
    (await fetch(`http://127.0.0.1:${ports.get(name)}/add-checkpoint`, { method: 'POST', body })).text();

  it.each<[string, RegExp, (response: ServerResponse, body: string) => void | Promise<void>]>([
    ['with nothing', /something else than its cosignature/, (response) => void response.end('')],
    ['without end', /sent an answer that cannot be read/, (response) => void response.end('x'.repeat(200_000))],
    [
      "with another witness's cosignature",
      /something else than its cosignature/,
      async (response, body) => void response.end(await relay('ben', body)),
    ],
    [
      'with a size beyond the log',
      /the log lost its end/,
      (response) => void response.writeHead(409, SIZE).end('99999\n'),
    ],
    [
      'with the size that it was asked from',
      /the log has forked/,
      (response, body) => void response.writeHead(409, SIZE).end(`${/^old (\d+)/.exec(body)![1]}\n`),
    ],
    [
      'with another size each time',
      /another size each time/,
      (response, body) => void response.writeHead(409, SIZE).end(`${(Number(/^old (\d+)/.exec(body)![1]) + 1) % 3}\n`),
    ],
    [
      'with a size that is none',
      /something that is not a size/,
      (response) => void response.writeHead(409, SIZE).end('1e3\n'),
    ],
    [
      'by sending it elsewhere',
      /cannot be reached/,
      (response) => void response.writeHead(302, { location: '/' }).end(),
    ],
    [
      'with a refusal',
      /status 422: it does not take the consistency proof/,
      (response) => void response.writeHead(422).end(),
    ],
  ])('%s is told, and nothing of it is kept', async (_, problem, answer) => {
    const url = await answering(answer);
    await query(first.database.superuserUrl, 'DELETE FROM ops.witness');
    const app = await replica({ ada: url });
    const { index } = await write();
    const { checks } = await until(
      () => health(app),
      ({ checks }) => problem.test(checks['witnesses']?.warning ?? ''),
    );
    expect(checks['witnesses']!.warning).toMatch(/ada\.example/);
    const rows = await query(
      first.database.superuserUrl,
      `SELECT FROM ledger.cosignature WHERE size > ${index} AND verifier_key = '${KEYS.ada.verifierKey}'`,
    );
    expect(rows).toEqual([]);
  });
});

const SIZE = { 'content-type': 'text/x.tlog.size' };

it('waits for no witness that never answers, neither with the others nor when it stops', async () => {
  let asked = 0;
  const url = await answering(() => void asked++);
  await query(first.database.superuserUrl, 'DELETE FROM ops.witness');
  const app = await replica({ ada: url }, 1);
  for (let i = 0; i < 3; i++) {
    const judged = await judge(await witnessed(app, (await write()).index + 1));
    expect(judged.witnessed?.witnesses.map(({ operator }) => operator)).toContain('Ben');
  }
  expect(asked).toBe(1);
  await app.close();
  liar!.closeAllConnections();
  const rows = await query(first.database.superuserUrl, 'SELECT FROM ops.witness WHERE next_at > now()');
  expect(rows).toEqual([]);
});

it('leaves a turn to the process that took it, and takes it over when that one is gone', async () => {
  const [taken] = await query<{ until: Date }>(
    first.database.superuserUrl,
    `UPDATE ops.witness SET next_at = now() + interval '3 s' RETURNING next_at AS until`,
  );
  const app = await replica();
  const { index } = await write();
  await witnessed(app, index + 1);
  const [row] = await query<{ at: Date }>(
    first.database.superuserUrl,
    `SELECT min(recorded_at) AS at FROM ledger.cosignature WHERE size > ${index}`,
  );
  expect(row!.at.getTime()).toBeGreaterThanOrEqual(taken!.until.getTime());
});

it('asks a witness once for each checkpoint, whatever the number of replicas', async () => {
  const cosigned: string[] = [];
  const url = await answering(async (response, body) => {
    const answer = await fetch(`http://127.0.0.1:${ports.get('ada')}/add-checkpoint`, { method: 'POST', body });
    if (answer.status === 200) cosigned.push(body.slice(body.indexOf('\n\n')));
    const type = answer.headers.get('content-type') ?? '';
    response.writeHead(answer.status, { 'content-type': type }).end(await answer.text());
  });
  const apps = await Promise.all([replica({ ada: url }), replica({ ada: url }), replica({ ada: url })]);
  for (let i = 0; i < 5; i++) {
    const { index } = await write();
    for (const app of apps) await witnessed(app, index + 1);
  }
  expect(cosigned.length).toBeGreaterThanOrEqual(5);
  expect(new Set(cosigned).size).toBe(cosigned.length);
});

describe('the settings', () => {
  it.each<[string, () => object | string]>([
    ['a file that is not there', () => ''],
    ['a policy that is none', () => ({ version: 1 })],
    [
      'a witness with the name of the log',
      () => ({
        version: 1,
        operator: 'Registry',
        quorum: 1,
        witnesses: [
          {
            verifierKey: readWitnessKey(makeWitnessKey(origin).text).verifierKey,
            operator: 'Eve',
            url: 'http://127.0.0.1:1',
          },
        ],
      }),
    ],
  ])('stop the start with %s', async (_, policy) => {
    const file = join(folder, 'wrong.json');
    const content = policy();
    if (typeof content === 'object') await writeFile(file, JSON.stringify(content));
    await expect(startTestApp({ beside: first, env: { MUNIMENT_WITNESSES: file } })).rejects.toMatchObject({
      code: 'configuration_invalid',
    });
  });
});
