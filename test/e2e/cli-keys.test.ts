/**
 * The life of signing keys by the command line: replaced, lost, stolen. A replacement is killed at each of its requests,
 * before the request arrives and after it took effect, and has to go on from there.
 */
import type { ChildProcess } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { spawnBuilt } from '../support/server.ts';
import { FakeTool, publicKey, tokens } from '../unit/cli/pkcs11/fake-tool.ts';
import { runCli } from '../unit/cli/support.ts';
import { Users, writeModel } from './cli-user.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(120_000);

interface Listed {
  keys: {
    fingerprint: string;
    revoked: { index: number; reason: string; successor: string | null } | null;
    here: boolean;
  }[];
}
interface Rotated {
  file: string;
  fingerprint: string;
  ended: string;
  index: number;
  resumed: boolean;
}

/** Passes requests on to the registry; at the one with a number it ends the program that asks. */
class Cut {
  #count = 0;
  #at: { number: number; when: 'after' | 'before'; child: ChildProcess } | undefined;
  readonly #server: Server;

  constructor(private readonly target: string) {
    this.#server = createServer((request, response) => {
      const number = this.#count++;
      const pass = async () => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of request) chunks.push(chunk as Uint8Array);
        const at = this.#at?.number === number ? this.#at : undefined;
        if (at?.when === 'before') return at.child.kill('SIGKILL');
        const passed = ['accept', 'authorization', 'content-type', 'idempotency-key'];
        const headers = Object.entries(request.headers).filter(([name]) => passed.includes(name));
        const answer = await fetch(this.target + request.url!, {
          method: request.method!,
          headers: headers as [string, string][],
          ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
        });
        const body = Buffer.from(await answer.arrayBuffer());
        if (at !== undefined) return at.child.kill('SIGKILL');
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
        return response.end(body);
      };
      pass().catch((error: unknown) => response.destroy(error as Error));
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Starts the program and kills it at its request `number`. @returns how it ended: a signal, or an exit code */
  async kill(number: number, when: 'after' | 'before', start: () => ChildProcess): Promise<string | number | null> {
    this.#count = 0;
    const child = start();
    this.#at = { number, when, child };
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    this.#at = undefined;
    return signal ?? code;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

let app: TestApp;
let cut: Cut;
let url: string;
let users: Users;

beforeAll(async () => {
  app = await startTestApp();
  cut = new Cut(app.url);
  url = await cut.listen();
  users = await Users.at(url);
  await done('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
});
afterAll(async () => {
  await users.remove();
  await cut.close();
  await app.close();
});

/** Only what is to be killed takes a process of its own. */
const tried = <T>(user: string, ...argv: string[]) => users.runHere<T>(user, url, ...argv);
async function done<T = Record<string, unknown>>(user: string, ...argv: string[]): Promise<T> {
  const { code, value, stderr } = await tried<T>(user, ...argv);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${JSON.stringify(value)} ${stderr}`);
  return value;
}
async function enter(user: string): Promise<void> {
  await done('registrar', 'party', 'create', user, '--api-key-file', users.path(`${user}.key`));
  await done(user, 'login', '--api-key', `@${users.path(`${user}.key`)}`);
}
/** @returns the fingerprint of the party's first key */
async function enterKeyed(user: string): Promise<string> {
  await enter(user);
  return (await done<{ fingerprint: string }>(user, 'keygen', '--register')).fingerprint;
}
const profileOf = async (user: string) =>
  JSON.parse(await readFile(users.path(`${user}/profile.json`), 'utf8')) as object;
const keysOf = async (user: string) => (await done<Listed>(user, 'keys', 'list')).keys;
/** A signed write with what the profile holds. */
const signs = (user: string) => done(user, 'party', 'key', '--label', 'proof that it can sign');

describe('keys rotate', () => {
  it('makes a key beside the old one, registers it, uses it from then on, and ends the old one', async () => {
    const fingerprint = await enterKeyed('acme');
    const rotated = await done<Rotated>('acme', 'keys', 'rotate');
    expect(rotated).toMatchObject({ file: users.path('acme/signing-2.key'), ended: fingerprint, resumed: false });
    expect(await keysOf('acme')).toEqual([
      expect.objectContaining({
        fingerprint,
        here: false,
        revoked: expect.objectContaining({
          index: rotated.index,
          reason: 'superseded',
          successor: rotated.fingerprint,
        }),
      }),
      expect.objectContaining({ fingerprint: rotated.fingerprint, here: true, revoked: null }),
    ]);
    expect(await profileOf('acme')).toMatchObject({ key: rotated.file });
    expect(await profileOf('acme')).not.toHaveProperty('ending');
    await signs('acme');
    const again = await done<Rotated>('acme', 'keys', 'rotate', '--reason', 'compromised');
    expect(again.file).toBe(users.path('acme/signing-3.key'));
    expect((await keysOf('acme')).map(({ revoked }) => revoked?.reason)).toEqual([
      'superseded',
      'compromised',
      undefined,
    ]);
    expect((await readdir(users.path('acme'))).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('killed at any of its requests leaves a profile that signs, and completes when it is run again', async () => {
    await enterKeyed('kills');
    let reached = true;
    let killed = 0;
    for (let number = 0; reached; number++) {
      for (const when of ['before', 'after'] as const) {
        const before = await keysOf('kills');
        const how = await cut.kill(number, when, () =>
          spawnBuilt(['src/cli/main.js', 'keys', 'rotate', '--json'], users.env('kills')),
        );
        reached = how === 'SIGKILL';
        if (!reached) {
          expect(how).toBe(0);
          break;
        }
        killed++;
        await signs('kills');
        const rotated = await done<Rotated>('kills', 'keys', 'rotate');
        const after = await keysOf('kills');
        expect([number, when, after.length]).toEqual([number, when, before.length + 1]);
        const living = after.filter(({ revoked }) => revoked === null);
        expect(living).toEqual([expect.objectContaining({ fingerprint: rotated.fingerprint, here: true })]);
        expect(after.at(-2)).toMatchObject({
          fingerprint: rotated.ended,
          revoked: { reason: 'superseded', successor: rotated.fingerprint },
        });
        expect(await profileOf('kills')).not.toHaveProperty('ending');
        await signs('kills');
      }
    }
    // Who am I, which log, the registration, what is on record now, the end.
    expect(killed).toBeGreaterThanOrEqual(10);
  });

  it('goes on after a login in between, and a login does not forget what is still to be ended', async () => {
    const fingerprint = await enterKeyed('pauses');
    await cut.kill(4, 'before', () => spawnBuilt(['src/cli/main.js', 'keys', 'rotate', '--json'], users.env('pauses')));
    expect(await profileOf('pauses')).toMatchObject({ ending: { fingerprint, reason: 'superseded' } });
    await done('pauses', 'login', '--api-key', `@${users.path('pauses.key')}`);
    expect(await done('pauses', 'keys', 'rotate')).toMatchObject({ ended: fingerprint, resumed: true });
  });

  it('is refused for a key that the profile does not name, a party without one, and a file with a dead key', async () => {
    await enterKeyed('strict');
    const other = users.path('other.key');
    await done('strict', 'keygen', '--out', other, '--register');
    const named = await tried('strict', 'keys', 'rotate', '--key', users.path('strict/signing.key'));
    expect([named.code, named.value]).toEqual([2, expect.objectContaining({ code: 'usage', field: 'key' })]);
    const same = await tried('strict', 'keys', 'rotate', '--out', other);
    expect([same.code, same.value]).toEqual([1, expect.objectContaining({ code: 'already_exists', field: 'out' })]);
    await done('strict', 'keys', 'rotate');
    const dead = await tried('strict', 'keys', 'rotate', '--out', other);
    expect([dead.code, dead.value]).toEqual([1, expect.objectContaining({ code: 'already_exists', field: 'out' })]);
    await enter('keyless');
    const keyless = await tried('keyless', 'keys', 'rotate');
    expect([keyless.code, keyless.value]).toEqual([2, expect.objectContaining({ code: 'usage' })]);
  });

  it('and keygen write no key into a file that is named like one in a token', async () => {
    await enterKeyed('mistaken');
    const out = ['--out', 'pkcs11:token=acme;object=next'];
    for (const argv of [['keys', 'rotate'], ['keygen'], ['keygen', '--witness', 'w.example/1']]) {
      const { code, value } = await tried('mistaken', ...argv, ...out);
      expect([code, value]).toEqual([2, expect.objectContaining({ code: 'usage', field: 'out' })]);
    }
    expect((await readdir('.')).filter((name) => name.startsWith('pkcs11'))).toEqual([]);
  });
});

describe('keys revoke', () => {
  it('recovers a party that lost a key: another one ends it and signs for a new one', async () => {
    const lost = await enterKeyed('loser');
    const spare = users.path('spare.key');
    const { fingerprint: kept } = await done<Rotated>('loser', 'keygen', '--out', spare, '--register');
    await rm(users.path('loser/signing.key'));
    const ended = await done<{ index: number }>('loser', 'keys', 'revoke', lost, '--reason', 'lost');
    const { fingerprint: fresh } = await done<Rotated>('loser', 'keygen', '--register');
    expect((await keysOf('loser')).map(({ fingerprint, revoked }) => [fingerprint, revoked?.index])).toEqual([
      [lost, ended.index],
      [kept, undefined],
      [fresh, undefined],
    ]);
    await signs('loser');
  });

  it('makes the ended key worthless wherever it still lies, and says what to do', async () => {
    const fingerprint = await enterKeyed('robbed');
    const stolen = users.path('stolen.key');
    await writeFile(stolen, await readFile(users.path('robbed/signing.key'), 'utf8'), { mode: 0o600 });
    await done('robbed', 'keys', 'rotate', '--reason', 'compromised');
    const thief = await tried('robbed', 'party', 'key', '--key', stolen);
    expect([thief.code, thief.value]).toEqual([
      1,
      expect.objectContaining({ code: 'key_revoked', fix: expect.stringContaining('muniment keys list') }),
    ]);
    const listed = await done<Listed>('robbed', 'keys', 'list', '--key', stolen);
    expect(listed.keys.map(({ fingerprint, here }) => [fingerprint, here])).toEqual([
      [fingerprint, true],
      [expect.any(String), false],
    ]);
  });

  it('refuses the key that signs, what is no key of the party, and a reason that is none', async () => {
    const fingerprint = await enterKeyed('hasty');
    for (const [argv, code, error] of [
      [[fingerprint, '--reason', 'lost'], 2, 'usage'],
      [[`sha256:${'0'.repeat(64)}`, '--reason', 'lost'], 3, 'not_found'],
      [[fingerprint, '--reason', 'boredom'], 2, 'usage'],
      [[fingerprint], 2, 'usage'],
    ] as const) {
      const said = await tried<{ code: string }>('hasty', 'keys', 'revoke', ...argv);
      expect([argv, said.code, said.value.code]).toEqual([argv, code, error]);
    }
    expect((await keysOf('hasty')).map(({ revoked }) => revoked)).toEqual([null]);
  });
});

it('what an ended key signed before is looked up and verified as ever, offline too', async () => {
  await enterKeyed('author');
  const model = users.path('authored.safetensors');
  await writeModel(model, [5, 6, 7, 8]);
  const terms = ['--name', 'm', '--owner', 'author', '--license', 'MIT'];
  const { receipt } = await done<{ receipt: { index: number } }>('author', 'register', model, ...terms);
  const { index } = await done<Rotated>('author', 'keys', 'rotate', '--reason', 'compromised');
  expect(receipt.index).toBeLessThan(index);
  await done('author', 'trust', 'pin');
  expect(await done('author', 'lookup', model)).toMatchObject({
    verdict: 'proved',
    matches: [{ attestedBy: 'maker' }],
  });
  const file = users.path('receipt.json');
  await writeFile(file, JSON.stringify(receipt));
  const nobody = 'http://127.0.0.1:9';
  const offline = await users.runHere('author', nobody, 'log', 'verify', file);
  expect([offline.code, offline.value]).toEqual([
    0,
    expect.objectContaining({ verdict: 'proved', kind: 'registration', index: receipt.index }),
  ]);
});

it('party show and keys list tell a person which keys have ended', async () => {
  await enterKeyed('told');
  const { ended, fingerprint, index } = await done<Rotated>('told', 'keys', 'rotate');
  const text = async (...argv: string[]) => (await runCli(argv, users.env('told'))).out;
  expect(await text('party', 'show', 'told')).toContain(`${ended} (ended by entry ${index}: superseded)`);
  const listed = await text('keys', 'list');
  expect(listed).toContain(`superseded, ended by entry ${index}, followed by ${fingerprint}`);
  expect(listed).toMatch(new RegExp(`^${fingerprint}.*in force, the one of this machine$`, 'm'));
});

it('keys list knows a key of this machine that lies in a token, asks for no PIN, and goes on where the token is gone', async () => {
  const fingerprint = await enterKeyed('hardware');
  const spki = createPublicKey(await readFile(users.path('hardware/signing.key'))).export({
    format: 'der',
    type: 'spki',
  });
  const tool = await FakeTool.in(users.path('hardware'));
  const module = users.path('hardware/token.so');
  await writeFile(module, 'a library', { mode: 0o644 });
  const env = {
    ...users.env('hardware'),
    PATH: tool.folder,
    MUNIMENT_KEY: `pkcs11:token=acme%20hsm;object=k1?module-path=${module}`,
  };
  const list = async () => {
    const { code, out, notes } = await runCli(['keys', 'list', '--json'], env);
    return { code, notes, here: (JSON.parse(out) as Listed).keys.filter(({ here }) => here) };
  };
  const shown = { out: publicKey(`0441${spki.subarray(-65).toString('hex')}`) };
  await tool.answer({ 'list-token-slots': tokens({}), 'list-objects': shown });
  expect(await list()).toEqual({ code: 0, notes: '', here: [expect.objectContaining({ fingerprint })] });
  expect((await tool.calls()).flatMap(({ args }) => args)).not.toContain('--login');
  await tool.answer({ 'list-token-slots': tokens({ token: 'another' }) });
  expect(await list()).toEqual({ code: 0, notes: expect.stringContaining('There is no token "acme hsm"'), here: [] });
});
