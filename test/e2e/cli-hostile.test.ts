/** A registry that lies: a proxy in front of a real one changes its answers, and the client has to notice each time. */
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { runCli } from '../unit/cli/support.ts';
import { Users, writeModel } from './cli-user.ts';

type Tamper = (path: string, text: string) => string | undefined;

let app: TestApp;
let users: Users;
let proxy: Server;
let url: string;
let tamper: Tamper = () => undefined;
const model = () => users.path('model.safetensors');

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  await users.join('registrar', 'acme', 'Acme Labs');
  await users.do('acme', 'keygen', '--register');
  await users.join('registrar', 'beta', 'Beta Corp');
  await writeModel(model(), [1, 2, 3]);
  await writeFile(users.path('data.txt'), 'data');
  await users.do(
    'acme',
    ...['register', model(), '--name', 'm', '--owner', 'Acme Labs', '--license', 'MIT'],
    ...['--contributor', 'Beta Corp:creator', 'Beta Corp:funder'],
  );
  await users.do('beta', 'register', model(), '--name', 'copy', '--owner', 'Beta Corp', '--license', 'MIT');
  await users.do('reader', 'trust', 'pin');
  await users.do('reader', 'lookup', model());

  proxy = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const { authorization, 'content-type': type } = request.headers;
      const answer = await fetch(`${app.url}${request.url}`, {
        method: request.method ?? 'GET',
        headers: { ...(authorization ? { authorization } : {}), ...(type ? { 'content-type': type } : {}) },
        ...(parts.length > 0 ? { body: Buffer.concat(parts) } : {}),
      });
      const text = await answer.text();
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(tamper(request.url ?? '', text) ?? text);
    })();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}, 60_000);

afterEach(() => {
  tamper = () => undefined;
});

afterAll(async () => {
  proxy.close();
  await users.remove();
  await app.close();
});

interface Answer {
  checkpoint: string;
  matches: {
    matched: string;
    model: Record<string, unknown> & { weights: Record<string, unknown>; license: Record<string, unknown> };
    owners: { party: string; share: string }[];
    contributors: { party: string; name: string; role: string }[];
    receipts: {
      registration: Record<string, unknown> & {
        index: number;
        inclusionProof: string[];
        checkpoint: string;
        envelope: { payload: string; signatures: { sig: string }[] };
      };
    };
  }[];
}

const lookup = (user = 'reader') => users.runHere<{ code?: string; verdict?: string }>(user, url, 'lookup', model());
const provenance =
  (change: (answer: Answer) => void): Tamper =>
  (path, text) => {
    if (!path.startsWith('/v1/provenance/')) return undefined;
    const answer = JSON.parse(text) as Answer;
    change(answer);
    return JSON.stringify(answer);
  };
const first = (answer: Answer) => answer.matches[0]!;
const flip = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64');
  bytes[bytes.length - 1]! ^= 1;
  return bytes.toString('base64');
};

it('an honest answer through the proxy is proved', async () => {
  expect(await lookup()).toMatchObject({ code: 0, value: { verdict: 'proved' } });
});

describe('a look-up is refused when the answer', () => {
  it.each<[string, (answer: Answer) => void]>([
    ['names another license than the signed record', (a) => (first(a).model.license['expression'] = 'CC0-1.0')],
    ['names another model', (a) => (first(a).model['name'] = 'n')],
    [
      'bears another maker',
      (a) => (first(a).model['maker'] = first({ ...a, matches: [a.matches[1]!] }).model['maker']),
    ],
    ['names another owner', (a) => (first(a).owners[0]!.party = a.matches[1]!.owners[0]!.party)],
    ['leaves a contributor out', (a) => void first(a).contributors.pop()],
    ['gives a contributor another role', (a) => (first(a).contributors[0]!.role = 'data-provider')],
    ['names another contributor', (a) => (first(a).contributors[0]!.party = first(a).owners[0]!.party)],
    ['names a contributor where the record names none', (a) => (a.matches[1]!.contributors = first(a).contributors)],
    ['leaves an owner out', (a) => void first(a).owners.pop()],
    ['claims to match by another digest', (a) => (first(a).matched = 'file')],
    ['gives the receipt of another record', (a) => (first(a).receipts = a.matches[1]!.receipts)],
    ['puts the later registration first', (a) => void a.matches.reverse()],
    ['holds no record at all', (a) => void a.matches.splice(0)],
    ['moves the entry', (a) => void first(a).receipts.registration.index--],
    ['cuts the proof short', (a) => void first(a).receipts.registration.inclusionProof.pop()],
    [
      'changes a hash of the proof',
      (a) =>
        (first(a).receipts.registration.inclusionProof[0] = flip(first(a).receipts.registration.inclusionProof[0]!)),
    ],
    [
      'changes the signature',
      (a) =>
        (first(a).receipts.registration.envelope.signatures[0]!.sig = flip(
          first(a).receipts.registration.envelope.signatures[0]!.sig,
        )),
    ],
    [
      'changes the payload',
      (a) =>
        (first(a).receipts.registration.envelope.payload = Buffer.from(
          Buffer.from(first(a).receipts.registration.envelope.payload, 'base64').toString().replace('MIT', 'ISC'),
        ).toString('base64')),
    ],
    ['invents a run', (a) => ((first(a).receipts as Record<string, unknown>)['run'] = first(a).receipts.registration)],
    [
      'invents a dataset',
      (a) => ((first(a).receipts as Record<string, unknown>)['datasets'] = [first(a).receipts.registration]),
    ],
    [
      'takes a receipt from another checkpoint',
      (a) => (a.checkpoint = a.checkpoint.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`)),
    ],
  ])('%s', async (_, change) => {
    tamper = provenance(change);
    const { code, value } = await lookup();
    expect(code).toBe(1);
    expect(value.verdict).toBeUndefined();
    expect([
      'proof_invalid',
      'signature_invalid',
      'malformed_statement',
      'malformed_json',
      'malformed_proof',
    ]).toContain(value.code);
  });

  it('carries a checkpoint that the pinned key did not sign', async () => {
    tamper = provenance((answer) => {
      const note = answer.checkpoint.replace(/ ([A-Za-z0-9+/=]+)\n$/, (_, sig: string) => ` ${flip(sig)}\n`);
      answer.checkpoint = note;
      for (const match of answer.matches) match.receipts.registration.checkpoint = note;
    });
    expect(await lookup()).toMatchObject({ code: 1, value: { code: 'signature_invalid' } });
  });
});

it('a whole other registry, consistent in itself, is not believed in place of the pinned one', async () => {
  const other = await startTestApp();
  try {
    await users.runHere('forger', other.url, 'login', '--api-key', `@${join(other.config.data, 'registrar.key')}`);
    await users.runHere(
      'forger',
      other.url,
      'register',
      model(),
      '--name',
      'm',
      '--owner',
      'Registry',
      '--license',
      'MIT',
    );
    const said = await users.runHere<{ verdict: string }>('reader', other.url, 'lookup', model());
    expect([said.code, said.value.verdict]).toEqual([1, 'consistent, origin unproven']);
  } finally {
    await other.close();
  }
});

describe('a log that does not extend what was seen', () => {
  const keptFile = async (): Promise<string> => {
    const { logs } = JSON.parse(await readFile(users.path('reader/trust.json'), 'utf8')) as {
      logs: { origin: string }[];
    };
    const folder = users.path('reader/checkpoints');
    for (const name of await readdir(folder)) {
      if ((await readFile(join(folder, name), 'utf8')).startsWith(`${logs[0]!.origin}\n`)) return join(folder, name);
    }
    throw new Error('No checkpoint of the log was kept.');
  };
  const withKept = async (change: (note: string) => string, act: () => Promise<void>): Promise<void> => {
    const file = await keptFile();
    const genuine = await readFile(file, 'utf8');
    await writeFile(file, change(genuine));
    try {
      await act();
    } finally {
      await writeFile(file, genuine);
    }
  };

  it('was rolled back, which is named', async () => {
    await withKept(
      (note) => note.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 5}\n`),
      async () => {
        expect(await lookup()).toMatchObject({ code: 1, value: { code: 'checkpoint_rolled_back' } });
      },
    );
  }, 20_000);

  it('forked at the very size, which is named', async () => {
    await withKept(
      (note) => note.replace(/\n([A-Za-z0-9+/=]{44})\n/, (_, root: string) => `\n${flip(root)}\n`),
      async () => {
        expect(await lookup()).toMatchObject({
          code: 1,
          value: { code: 'proof_invalid', detail: expect.stringContaining('forked') },
        });
      },
    );
  });

  it('forked before, which no consistency proof can hide', async () => {
    await withKept(
      (note) =>
        note.replace(
          /\n(\d+)\n([A-Za-z0-9+/=]{44})\n/,
          (_, size, root: string) => `\n${Number(size) - 1}\n${flip(root)}\n`,
        ),
      async () => {
        expect(await lookup()).toMatchObject({ code: 1, value: { code: 'proof_invalid' } });
      },
    );
  });
});

describe('a write', () => {
  it('whose receipt is for another record is not taken for done', async () => {
    await writeModel(users.path('next.safetensors'), [7]);
    const receipts = (await (
      await fetch(`${app.url}/v1/provenance/${(await users.do('reader', 'hash', model()))['weightDigest'] as string}`)
    ).json()) as Answer;
    tamper = (path) => (path === '/v1/models' ? JSON.stringify(receipts.matches[0]!.receipts.registration) : undefined);
    const key = JSON.parse(await readFile(users.path('acme/profile.json'), 'utf8')) as { apiKey: string; key: string };
    const { code, value } = await users.runHere(
      'acme',
      url,
      ...['register', users.path('next.safetensors'), '--name', 'x'],
      ...['--owner', 'Acme Labs', '--license', 'MIT', '--api-key', key.apiKey, '--key', key.key],
    );
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'proof_invalid' })]);
  });
});

it('the first use of a server pins no key that does not sign its checkpoints', async () => {
  tamper = (path, text) =>
    path === '/v1/log'
      ? text.replace(/\+A[A-Za-z0-9+/=]{43}/, '+AYMqRrMBTZoAZaEXolC1OaKH4E/tBYUWfS+J5zqh7qri')
      : undefined;
  const { code } = await users.runHere('careless', url, 'trust', 'pin');
  expect(code).toBe(1);
});

it('a name on record cannot steer the terminal of whoever looks it up', async () => {
  const file = users.path('loud.safetensors');
  await writeModel(file, [7, 8, 9]);
  const name = 'loud\u001b[1A\u001b[2K\u009b2J\u202e';
  await users.do('beta', 'register', file, '--name', name, '--owner', 'Beta Corp', '--license', 'MIT');
  const env = { MUNIMENT_HOME: users.path('reader'), MUNIMENT_URL: app.url };
  const { code, out, notes } = await runCli(['lookup', file], env);
  expect([code, out]).toEqual([0, expect.stringContaining('loud[1A[2K2J')]);
  // eslint-disable-next-line no-control-regex
  expect(out + notes).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  const { out: json } = await runCli(['lookup', file, '--json'], env);
  expect(json).toContain(JSON.stringify(name));
  tamper = () => JSON.stringify({ code: 'forbidden', title: 'No', detail: 'no\u001b[2J', status: 403 });
  const refused = await runCli(['license', 'list'], { ...env, MUNIMENT_URL: url });
  expect(refused.notes).not.toContain('\u001b');
});
