/**
 * A look-up that proves absence, and completeness where something was found; and a registry that lies about either: in
 * what it answers, by a proxy in front of it, or in the very map that it puts on record.
 */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { formatDigest, parseDigest } from '../../src/core/digest.ts';
import type { Digest } from '../../src/core/digest.ts';
import type { MapAnswer } from '../../src/core/map/answer.ts';
import { parseClaim } from '../../src/core/map/answer.ts';
import { foldMap } from '../../src/core/map/fold.ts';
import { verifyMapProof } from '../../src/core/map/map.ts';
import { mapAudit, registration } from '../../src/core/registry/index.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { Ledger } from '../../src/ledger/index.ts';
import { LedgerCore } from '../../src/ledger/ledger-core.ts';
import { MapKeeper } from '../../src/ledger/map/map-keeper.ts';
import { keepVersion, readNodes, readVersions } from '../../src/ledger/map/map.store.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import { DataSource } from '../../src/platform/database/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, modelOf } from '../support/bodies.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { Client, Operator, Verifier } from '../support/client.ts';
import { Users, writeModel } from './cli-user.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(60_000);

type Tamper = (path: string, text: string) => string | undefined;

let app: TestApp;
let stranger: Client;
let operator: Operator;
let verifier: Verifier;
let users: Users;
let proxy: Server;
let url: string;
let tamper: Tamper = () => undefined;
let [ada, ben]: Party[] = [];

const model = () => users.path('model.safetensors');
const unknown = () => users.path('unknown.safetensors');

/** As the interval does it, with the new root published. */
async function foldOf({ app: { nest } }: TestApp): Promise<void> {
  const { published } = nest.get(LedgerCore);
  await published.publish();
  await nest.get(MapKeeper).fold();
  await published.publish();
}
const fold = (): Promise<void> => foldOf(app);

beforeAll(async () => {
  app = await startTestApp();
  stranger = new Client(app.url);
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
  ada = await operator.makeParty({ name: 'Ada', keyed: true });
  ben = await operator.makeParty({ name: 'Ben', keyed: true });
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  await users.join('registrar', 'acme', 'Acme Labs');
  await users.join('registrar', 'beta', 'Beta Corp');
  await users.do('acme', 'keygen', '--register');
  await writeModel(model(), [1, 2, 3]);
  await writeModel(unknown(), [4, 5, 6]);
  await users.do('acme', 'register', model(), '--name', 'm', '--owner', 'Acme Labs', '--license', 'MIT');
  await users.do('beta', 'register', model(), '--name', 'copy', '--owner', 'Beta Corp', '--license', 'MIT');
  await fold();
  await users.do('reader', 'trust', 'pin');

  proxy = createServer((request, response) => {
    void (async () => {
      const answer = await fetch(`${app.url}${request.url}`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      const json = /\bjson\b/.test(answer.headers.get('content-type') ?? '');
      response.end((json && tamper(request.url ?? '', bytes.toString('utf8'))) || bytes);
    })();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterEach(() => {
  tamper = () => undefined;
});
afterAll(async () => {
  proxy.close();
  await users.remove();
  await app.close();
});

const ask = (digest: string) => stranger.read<MapAnswer>(`/v1/map/${digest}`);
const bodyOf = (receipt: Receipt) =>
  (
    JSON.parse(Buffer.from(receipt.envelope.payload, 'base64').toString()) as {
      predicate: { root: Digest; size: number };
    }
  ).predicate;
const prove = (answer: MapAnswer) =>
  verifyMapProof(sha256, { ...parseClaim(answer), root: parseDigest(bodyOf(answer.receipt).root) });

describe('GET /v1/map', () => {
  it('proves the absence of a digest under a root that stands in the log', async () => {
    const digest = anyDigest();
    const answer = await ask(digest);
    expect(answer).toMatchObject({ digest, entries: [], audit: null });
    prove(answer);
    const { kind } = await verifier.receipt(answer.receipt);
    expect([kind.kind, bodyOf(answer.receipt).size]).toEqual(['map-root', answer.asOf]);
    expect(answer.receipt.index).toBeGreaterThanOrEqual(answer.asOf);
    await verifier.checkpoint(answer.receipt.checkpoint);
  });

  it('proves all places of a digest, each of its three digests', async () => {
    const body = modelOf(ada!.id);
    const first = await ada!.made('/v1/models', ada!.signedWrite(registration, body));
    const again = { ...modelOf(ben!.id), weights: body.weights };
    const second = await ben!.made('/v1/models', ben!.signedWrite(registration, again));
    await fold();
    for (const digest of [body.weights.fileDigest, body.weights.weightDigest!, body.weights.namelessDigest!]) {
      const answer = await ask(digest);
      expect(answer.entries).toEqual([first.index, second.index]);
      prove(answer);
      expect(() => prove({ ...answer, entries: [second.index] })).toThrow();
    }
  });

  it('takes a digest as people paste it, and refuses what is none', async () => {
    const digest = anyDigest();
    expect((await ask(digest.slice(7).toUpperCase())).digest).toBe(digest);
    expect((await stranger.get('/v1/map/abc')).body).toMatchObject({ code: 'digest_malformed', field: 'hash' });
  });

  it('is where the 404 of a look-up points', async () => {
    const digest = anyDigest();
    const { status, body } = await stranger.get(`/v1/provenance/${digest}`);
    expect([status, body.fix]).toEqual([404, expect.stringContaining(`GET /v1/map/${digest}`)]);
  });
});

interface Absent {
  code: string;
  detail: string;
  verdict: string;
  asOf: number;
  audit: { verdict: string; auditor: string } | null;
  absence: MapAnswer[];
}
const lookup = (user = 'reader', path = unknown()) => users.runHere<Absent>(user, url, 'lookup', path);

describe('muniment lookup of what nobody registered', () => {
  it('says so with exit code 3 once the proof of every digest of the file is verified', async () => {
    const { code, value } = await users.run<Absent>('reader', 'lookup', unknown());
    expect([code, value.code, value.verdict]).toEqual([3, 'not_found', 'proved']);
    expect(value.detail).toMatch(/^No public registration as of entry \d+ \(.*Z\); sealed ones may exist\.$/);
    expect(value.absence.map(({ entries }) => entries)).toEqual([[], [], []]);
  });

  it('keeps a proof that is verified later without a network, and not when it was changed', async () => {
    const { value } = await users.run<Absent>('reader', 'lookup', unknown());
    const kept = users.path('absent.json');
    await writeFile(kept, JSON.stringify(value));
    const judged = await users.runHere('reader', 'http://127.0.0.1:9', 'log', 'verify', kept);
    expect([judged.code, judged.value]).toEqual([0, expect.objectContaining({ verdict: 'proved', asOf: value.asOf })]);
    // Another digest that is absent may lie on the same way; one that is on record never does.
    const onRecord = formatDigest(sha256(await readFile(model())));
    const other = value.absence.map((answer) => ({ ...answer, digest: onRecord }));
    await writeFile(kept, JSON.stringify({ ...value, absence: other }));
    expect((await users.runHere('reader', 'http://127.0.0.1:9', 'log', 'verify', kept)).code).toBe(1);
  });

  it('is not proved to whoever pinned no key', async () => {
    const { code, value } = await users.run<Absent>('nobody', 'lookup', unknown());
    expect([code, value.verdict]).toEqual([3, 'consistent, origin unproven']);
  });

  const map =
    (change: (answer: MapAnswer) => void): Tamper =>
    (path, text) => {
      if (!path.startsWith('/v1/map/')) return undefined;
      const answer = JSON.parse(text) as MapAnswer;
      change(answer);
      return JSON.stringify(answer);
    };
  const flip = (base64: string): string => {
    const bytes = Buffer.from(base64, 'base64');
    bytes[bytes.length - 1]! ^= 1;
    return bytes.toString('base64');
  };
  let foreign: MapAnswer;
  beforeAll(async () => {
    // One whose way ends at another leaf: with the same leaf its proof would say the truth about both.
    const { value } = await users.run<Absent>('reader', 'lookup', unknown());
    const leaves = value.absence.map(({ proof }) => proof.other!.key);
    do foreign = await ask(anyDigest());
    while (leaves.includes(foreign.proof.other!.key));
  });

  it.each<[string, (answer: MapAnswer) => void]>([
    ["gives another digest's proof", (a) => Object.assign(a, { ...foreign, digest: a.digest })],
    ["gives another digest's answer", (a) => Object.assign(a, foreign)],
    ['cuts the proof short', (a) => void a.proof.path.pop()],
    ['leaves the first hash out', (a) => void a.proof.path.shift()],
    ['changes a hash', (a) => (a.proof.path[0]!.hash = flip(a.proof.path[0]!.hash))],
    ['changes a bit', (a) => (a.proof.path[0]!.bit += 1)],
    ['swaps the leaf', (a) => (a.proof.other!.key = flip(a.proof.other!.key))],
    ["changes the leaf's value", (a) => (a.proof.other!.value = flip(a.proof.other!.value))],
    ['shows no leaf', (a) => Object.assign(a.proof, { other: null, path: [] })],
    ['claims to know more of the log', (a) => (a.asOf += 1)],
    ['counts otherwise', (a) => (a.keys += 1)],
    ['names an entry', (a) => a.entries.push(1)],
    [
      'rests on the root of a map that is in no log',
      (a) => {
        const text = Buffer.from(a.receipt.envelope.payload, 'base64').toString();
        const root = anyDigest().slice(7);
        const payload = text.replaceAll(bodyOf(a.receipt).root.slice(7), root);
        a.receipt.envelope.payload = Buffer.from(payload).toString('base64');
      },
    ],
    ['moves the root in the log', (a) => (a.receipt.index -= 1)],
    ["cuts the root's inclusion proof", (a) => void a.receipt.inclusionProof.pop()],
    ['leaves the receipt out', (a) => Object.assign(a, { receipt: undefined })],
    ['is no map', (a) => Object.assign(a, { proof: [] })],
  ])('refuses a registry that %s', async (_, change) => {
    tamper = map(change);
    const { code, value } = await lookup();
    expect([code, value.code]).toEqual([
      1,
      expect.stringMatching(/^(?:proof_invalid|malformed_\w+|signature_invalid)$/),
    ]);
  });

  it('refuses the receipt of another kind of statement as a root', async () => {
    const other = await stranger.read<Receipt>(`/v1/receipts/${ada!.statement}`);
    tamper = map((a) => (a.receipt = other));
    expect(await lookup()).toMatchObject({ code: 1, value: { code: 'proof_invalid' } });
  });

  it('refuses a registry that has nothing to prove it with', async () => {
    tamper = (path) => (path.startsWith('/v1/map/') ? '{"code":"not_found","detail":"gone"}' : undefined);
    expect((await lookup()).code).toBe(1);
  });
});

describe('an old map', () => {
  let old: Map<string, string>;

  it('is refused once a newer one was seen', async () => {
    old = new Map();
    tamper = (path, text) => {
      if (path.startsWith('/v1/map/')) old.set(path, text);
      return undefined;
    };
    expect((await lookup('watcher')).code).toBe(3);
    tamper = () => undefined;
    await ada!.made('/v1/models', ada!.signedWrite(registration, modelOf(ada!.id)));
    await fold();
    await users.do('fresh', 'trust', 'pin');
    await users.do('watcher', 'trust', 'pin');
    expect((await lookup('watcher')).code).toBe(3);
    tamper = (path) => old.get(path);
    expect(await lookup('watcher')).toMatchObject({ code: 1, value: { code: 'checkpoint_rolled_back' } });
    // Whoever has seen none is told how old it is.
    const { code, value } = await lookup('fresh');
    expect([code, value.asOf]).toEqual([3, (JSON.parse([...old.values()][0]!) as MapAnswer).asOf]);
  });

  it('is refused when it is older than the trust file allows, while the log goes on', async () => {
    await users.do('strict', 'trust', 'pin');
    const path = users.path('strict/trust.json');
    const trust = JSON.parse(await readFile(path, 'utf8')) as { logs: { maxMapAgeSeconds?: number }[] };
    trust.logs[0]!.maxMapAgeSeconds = 1;
    await writeFile(path, JSON.stringify(trust));
    await operator.makeParty();
    await new Promise((resolve) => setTimeout(resolve, 2100));
    await app.app.nest.get(LedgerCore).published.publish();
    const said = await users.runHere<Absent>('strict', app.url, 'lookup', unknown());
    expect([said.code, said.value]).toEqual([
      1,
      expect.objectContaining({ code: 'proof_invalid', detail: expect.stringContaining('your trust file allows 1') }),
    ]);
    trust.logs[0]!.maxMapAgeSeconds = 86_400;
    await writeFile(path, JSON.stringify(trust));
    expect((await users.runHere('strict', app.url, 'lookup', unknown())).code).toBe(3);
  });
});

describe('muniment lookup of what was registered', () => {
  it('is complete: all public registrations, as the map proves', async () => {
    const { code, value } = await users.run<{ complete: { asOf: number }; matches: object[] }>(
      'reader',
      'lookup',
      model(),
    );
    expect([code, value.matches.length]).toEqual([0, 2]);
    expect(value.complete.asOf).toBeGreaterThan(0);
  });

  it('refuses a registry that hides one of several registrations', async () => {
    for (const hidden of [0, 1]) {
      tamper = (path, text) => {
        if (!path.startsWith('/v1/provenance/')) return undefined;
        const answer = JSON.parse(text) as { matches: object[] };
        answer.matches.splice(hidden, 1);
        return JSON.stringify(answer);
      };
      const { code, value } = await users.runHere<Absent>('reader', url, 'lookup', model());
      expect([code, value.code, value.detail]).toEqual([1, 'proof_invalid', expect.stringContaining('hides entry')]);
    }
  });

  it('refuses the map of another log, be it well proved: it says nothing about this one', async () => {
    const other = await startTestApp();
    const maps = new Map<string, string>();
    try {
      await foldOf(other);
      // The other log has nothing on record that could stand in the way.
      const digests = (await users.do<{ file: Record<string, string> }>('reader', 'lookup', model())).file;
      for (const name of ['fileDigest', 'weightDigest', 'namelessDigest']) {
        const path = `/v1/map/${digests[name]}`;
        maps.set(path, await (await fetch(`${other.url}${path}`)).text());
      }
      await users.runHere('reader', other.url, 'trust', 'pin');
    } finally {
      await other.close();
    }
    expect([...maps.values()].map((text) => (JSON.parse(text) as MapAnswer).entries)).toEqual([[], [], []]);
    tamper = (path) => maps.get(path);
    const { code, value } = await users.runHere<Absent>('reader', url, 'lookup', model());
    expect([code, value.code, value.detail]).toEqual([1, 'proof_invalid', 'The answers come from different logs.']);
  });

  it('refuses a registry that says of a registered model that nothing is on record', async () => {
    const answers = new Map<string, string>();
    tamper = (path, text) => (path.startsWith('/v1/map/') ? void answers.set(path, text) : undefined);
    await users.runHere('reader', url, 'lookup', model());
    const hostile = createServer((request, response) => {
      const path = request.url ?? '';
      const map = answers.get(path);
      if (map !== undefined) response.writeHead(200, { 'content-type': 'application/json' }).end(map);
      else if (path.startsWith('/v1/provenance/')) {
        response.writeHead(404, { 'content-type': 'application/problem+json' });
        response.end(JSON.stringify({ code: 'not_found', detail: 'Nothing is on record.' }));
      } else void fetch(`${app.url}${path}`).then(async (a) => response.end(await a.text()));
    });
    hostile.listen(0, '127.0.0.1');
    await once(hostile, 'listening');
    const at = `http://127.0.0.1:${(hostile.address() as AddressInfo).port}`;
    const { code, value } = await users.runHere<Absent>('reader', at, 'lookup', model());
    hostile.close();
    expect([code, value.detail]).toEqual([1, expect.stringContaining('hides entry')]);
  });
});

interface Audit {
  verdict: string;
  entries: number;
  maps: number;
  newest: { root: string; found: string; index: number };
  faults: { index: number; sentence: string }[];
  faultCount: number;
  kept: string;
  receipt: Receipt | null;
  code?: string;
}

describe('muniment log audit-map', () => {
  it('builds every map anew from what any outsider can read, and finds nothing left out', async () => {
    const { code, value } = await users.run<Audit>('reader', 'log', 'audit-map');
    expect([code, value.verdict, value.faults]).toEqual([0, 'proved', []]);
    expect(value.maps).toBeGreaterThan(2);
    expect(value.newest.found).toBe(value.newest.root);
  });

  it('goes on from where an earlier one ended, with the same result', async () => {
    const kept = users.path('kept.audit');
    await users.do('reader', 'log', 'audit-map', '--keep', kept);
    await ada!.made('/v1/models', ada!.signedWrite(registration, modelOf(ada!.id)));
    await fold();
    const asked: string[] = [];
    tamper = (path) => (path.startsWith('/v1/statements') ? void asked.push(path) : undefined);
    const on = await users.runHere<Audit>('reader', url, 'log', 'audit-map', '--from', kept, '--keep', kept);
    expect([on.code, on.value.faults, asked.length]).toEqual([0, [], 1]);
    const whole = await users.do<Audit>('reader', 'log', 'audit-map');
    expect({ ...on.value, kept: '' }).toEqual({ ...whole, kept: '' });
    await writeFile(kept, 'not an audit\n');
    expect((await users.run('reader', 'log', 'audit-map', '--from', kept)).value).toMatchObject({
      code: 'configuration_invalid',
    });
  });

  it('is put on record by whoever has a key, and shown with every look-up', async () => {
    expect((await ask(anyDigest())).audit).toBeNull();
    const keyless = await users.run<Audit>('beta', 'log', 'audit-map', '--post');
    expect([keyless.code, keyless.value.code]).toEqual([1, 'signature_required']);
    await users.do('acme', 'trust', 'pin');
    const posted = await users.do<Audit>('acme', 'log', 'audit-map', '--post');
    expect(posted.receipt!.kind).toBe('map-audit');
    const { value } = await users.run<Absent>('reader', 'lookup', unknown());
    expect(value.audit).toMatchObject({ verdict: 'confirmed', name: 'Acme Labs', index: posted.receipt!.index });
    const found = await users.do<{ complete: { audit: object } }>('reader', 'lookup', model());
    expect(found.complete.audit).toEqual(value.audit);
  });

  it("is never the registry's own, nor signed by it, nor of a map that it cannot have read", async () => {
    const { receipt } = await ask(anyDigest());
    const { root, size } = bodyOf(receipt);
    const body = { size: receipt.index + 1, logRoot: anyDigest(), root, found: root };
    const post = (different: object = {}, basis = [receipt.statement]) =>
      ada!.post('/v1/map/audits', ada!.signedWrite(mapAudit, { ...body, ...different }, basis));
    for (const [different, code] of [
      [{ size }, 'invalid_input'],
      [{ size: body.size + 5000 }, 'invalid_input'],
      [{ root: anyDigest() }, 'not_found'],
    ] as const) {
      expect([different, (await post(different)).body.code]).toEqual([different, code]);
    }
    expect((await post({}, [])).body).toMatchObject({ code: 'basis_stale' });
    expect((await ada!.post('/v1/map/audits', body)).status).toBe(400);
    expect((await stranger.post('/v1/map/audits', body)).status).toBe(401);
    // What the registry says of itself is shown to nobody as an audit.
    const { audit } = await ask(anyDigest());
    const ledger = app.app.nest.get(Ledger);
    const own = await ledger.attest(mapAudit, { maker: ledger.registryParty, body: { ...body, logRoot: anyDigest() } });
    expect(own.index).toBeGreaterThan(audit!.receipt.index);
    expect((await ask(anyDigest())).audit!.receipt.index).toBe(audit!.receipt.index);
  });

  it('refuses a server that lists another statement than the log holds, or leaves one out', async () => {
    const list =
      (change: (statements: { envelope?: { payload: string }; entry: string; index: number }[]) => void): Tamper =>
      (path, text) => {
        if (!path.startsWith('/v1/statements')) return undefined;
        const answer = JSON.parse(text) as { statements: never[] };
        change(answer.statements);
        return JSON.stringify(answer);
      };
    for (const change of [
      list((s) => void s.pop()),
      list((s) => void s.reverse()),
      list((s) => (s[3]!.envelope = s[4]!.envelope!)),
      list((s) => (s[3]!.entry = s[4]!.entry)),
      list((s) => void delete s.find(({ envelope }) => envelope)!.envelope),
    ]) {
      tamper = change;
      expect((await users.runHere<Audit>('reader', url, 'log', 'audit-map')).value).toMatchObject({
        code: 'proof_invalid',
      });
    }
  });
});

describe('a registry that leaves a registration out of its map', () => {
  it('proves a lie to the look-up, and is found by the audit, which names the map', async () => {
    const hidden = modelOf(ada!.id);
    const { index } = await ada!.made('/v1/models', ada!.signedWrite(registration, hidden));
    const other = await ada!.made('/v1/models', ada!.signedWrite(registration, modelOf(ada!.id)));
    const { size } = await app.app.nest.get(LedgerCore).published.publish();
    const database = app.app.nest.get(DataSource);
    const before = (await readVersions(database.manager)).at(-1)!;
    // Folds as the registry does, but for one entry, and lets the registry sign the outcome.
    const rows: { digest: Digest }[] = await database.query(
      `SELECT unnest(ARRAY[file_digest, model_digest, nameless_digest]) AS digest
       FROM registry.registration WHERE recorded_index = $1`,
      [other.index],
    );
    const nodes = { read: (hashes: readonly Uint8Array[]) => readNodes(database.manager, hashes) };
    const namings = rows.map(({ digest }) => ({ digest, index: other.index }));
    const { root, keys, created, replaced } = await foldMap(sha256, nodes, before, namings);
    await database.transaction((manager) =>
      keepVersion(manager, before, { size, root, keys, replaced: [...replaced] }, created),
    );
    await fold();

    const answer = await ask(hidden.weights.fileDigest);
    expect([answer.entries, answer.asOf]).toEqual([[], size]);
    expect(index).toBeLessThan(answer.asOf);
    prove(answer);
    await verifier.receipt(answer.receipt);
    // Who finds the record by its digest is told that the map leaves it out.
    const found = await users.run<Absent>('reader', 'lookup', hidden.weights.fileDigest);
    expect([found.code, found.value.detail]).toEqual([1, expect.stringContaining(`leaves out entry ${index}`)]);

    const audit = await users.run<Audit>('reader', 'log', 'audit-map');
    expect([audit.code, audit.value.faultCount]).toEqual([1, 1]);
    expect(audit.value.faults[0]).toMatchObject({ index: answer.receipt.index });
    expect(audit.value.newest.found).not.toBe(audit.value.newest.root);

    // The auditor says so on the registry's own record.
    await users.run('acme', 'log', 'audit-map', '--post');
    expect((await users.run<Absent>('reader', 'lookup', unknown())).value.audit).toMatchObject({
      verdict: 'contradicted',
      name: 'Acme Labs',
    });
  });
});
