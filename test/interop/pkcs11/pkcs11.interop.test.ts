/**
 * A party whose key lives in a token of SoftHSM: made there, registered, used for everything that the party states, and
 * what it signed judged by OpenSSL; then all the ways in which a token fails its owner.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Io } from '../../../src/cli/io.ts';
import { readKey } from '../../../src/cli/keys.ts';
import { oneTimeKeyText } from '../../../src/core/registry/one-time-key.ts';
import type { Envelope } from '../../../src/core/statement/dsse.ts';
import { pae } from '../../../src/core/statement/dsse.ts';
import { makeDataFolder } from '../../support/app.ts';
import type { LogIdentity } from '../../support/client.ts';
import { Client } from '../../support/client.ts';
import type { SpawnedServer } from '../../support/server.ts';
import { cleanEnvironment, runBuilt, spawnServer } from '../../support/server.ts';
import { Users, writeModel } from '../../e2e/cli-user.ts';
import { openssl } from '../timestamps/openssl.ts';
import { lacking, MODULE, PIN, SoftHsm } from './softhsm.ts';

interface Written {
  receipt: { index: number; envelope: Envelope };
}
interface Made extends Written {
  pkcs11: string;
  fingerprint: string;
  publicKey: string;
}

jest.setTimeout(300_000);
const without = lacking();
// In CI nothing is left out: there the tests run, and fail.
const mustRun = without === undefined || process.env['CI'] === 'true';
if (!mustRun) process.stderr.write(`SKIPPED: a key in a token: ${without}\n`);

let data = '';
let server: SpawnedServer | undefined;
let users: Users;
let hsm: SoftHsm;
let log: LogIdentity;
let key: Made;
const path = (name: string) => users.path(name);
const URI = 'pkcs11:token=acme%20hsm;object=signing';
const withPin = { MUNIMENT_PKCS11_PIN: PIN };

async function run<T = Record<string, unknown>>(env: Record<string, string>, user: string, ...argv: string[]) {
  const all = { ...users.env(user), ...hsm.env, ...env };
  const { code, stdout, stderr } = await runBuilt(['src/cli/main.js', ...argv, '--json'], all);
  return { code, value: JSON.parse(stdout) as T, stderr };
}

async function done<T>(user: string, ...argv: string[]): Promise<T> {
  const { code, value, stderr } = await run<T>(withPin, user, ...argv);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${JSON.stringify(value)} ${stderr}`);
  return value;
}

/** Whether the model that was registered last, or was to be, is on record. */
async function recorded(): Promise<boolean> {
  const file = await readFile(path(`model-${models}.safetensors`));
  const digest = createHash('sha256').update(file).digest('hex');
  const { status } = await new Client(server!.url, await apiKey()).get(`/v1/provenance/sha256:${digest}`);
  expect([200, 404]).toContain(status);
  return status === 200;
}

const profile = async () => JSON.parse(await readFile(path('acme/profile.json'), 'utf8')) as { key?: string };

let models = 0;
async function register(env: Record<string, string> = withPin) {
  const file = path(`model-${++models}.safetensors`);
  await writeModel(file, [models, 2, 3, 4]);
  const facts = ['--name', `digits-${models}`, '--owner', 'Acme Labs', '--license', 'Apache-2.0'];
  return run<Written & { code?: string; detail?: string }>(env, 'acme', 'register', file, ...facts);
}

/** Whether OpenSSL finds the signature good under the key as the token gives it out. */
async function judge(message: Uint8Array, signature: string, label = 'signing'): Promise<boolean> {
  await writeFile(path('key.der'), hsm.publicKey(label));
  await writeFile(path('message'), message);
  await writeFile(path('signature'), Buffer.from(signature, 'base64'));
  const files = ['-verify', 'key.der', '-keyform', 'DER', '-signature', 'signature', 'message'];
  return openssl(users.folder, 'dgst', '-sha256', ...files).ok;
}

beforeAll(async () => {
  if (!mustRun) return;
  if (without !== undefined) throw new Error(`CI must provide this: ${without}`);
  data = await makeDataFolder();
  server = await spawnServer({ env: { MUNIMENT_DATA: data, MUNIMENT_WORKER: 'false', MUNIMENT_LOG_LEVEL: 'info' } });
  users = await Users.at(server.url);
  hsm = await SoftHsm.in(path('hsm'));
  log = await new Client(server.url).read<LogIdentity>('/v1/log');
  await users.do('registrar', 'login', '--api-key', `@${data}/registrar.key`);
  await users.join('registrar', 'acme', 'Acme Labs');
  await users.join('registrar', 'beta', 'Beta Corp');
  key = await done<Made>('acme', 'keygen', '--pkcs11', URI, '--module', MODULE, '--register');
});

afterAll(async () => {
  await server?.stop();
  if (!mustRun || without !== undefined) return;
  await users.remove();
  await rm(data, { recursive: true, force: true });
});

(mustRun ? describe : describe.skip)('a key in a token', () => {
  it('is made there, cannot leave it, and is what the registry knows', async () => {
    expect(Buffer.from(key.publicKey, 'base64')).toEqual(hsm.publicKey('signing'));
    expect(hsm.tool('--list-objects', '--type', 'privkey')).toMatch(/sensitive, always sensitive, never extractable/);
    const me = await new Client(server!.url, await apiKey()).read<{ party: { keys: { fingerprint: string }[] } }>(
      '/v1/whoami',
    );
    expect(me.party.keys).toMatchObject([{ fingerprint: key.fingerprint }]);
  });

  it('is named by the profile with its id and library, and leaves neither itself nor its PIN on disk', async () => {
    expect((await profile()).key).toBe(key.pkcs11);
    expect(key.pkcs11).toMatch(
      new RegExp(`^pkcs11:token=acme%20hsm;object=signing;id=(?:%[0-9a-f]{2}){8}\\?module-path=${MODULE}$`),
    );
    for (const name of await readdir(path('acme'))) {
      const text = await readFile(path(`acme/${name}`), 'utf8');
      expect(text).not.toMatch(new RegExp(`PRIVATE KEY|${PIN}`));
    }
  });

  it('signs a registration that OpenSSL verifies, and nothing else passes for it', async () => {
    const { code, value } = await register();
    expect(code).toBe(0);
    const { payload, signatures } = value.receipt.envelope;
    expect(signatures[0]?.keyid).toBe(key.fingerprint);
    const message = pae(Buffer.from(payload, 'base64'));
    expect(await judge(message, signatures[0]!.sig)).toBe(true);
    message[message.length - 5]! ^= 1;
    expect(await judge(message, signatures[0]!.sig)).toBe(false);
    await writeFile(path('receipt.json'), JSON.stringify(value.receipt));
    await done('acme', 'log', 'verify', path('receipt.json'), '--trust', await trustFile());
  });

  it('vouches for the one-time key of a statement that is not public', async () => {
    const { receipt } = await done<Written>('acme', 'party', 'key', '--label', 'ci', '--out', path('ci.key'));
    const { signedFor } = JSON.parse(Buffer.from(receipt.envelope.payload, 'base64').toString('utf8')).predicate as {
      signedFor: { oneTimeKey: string; key: string; signature: string };
    };
    expect(signedFor.key).toBe(key.publicKey);
    expect(receipt.envelope.signatures[0]?.keyid).not.toBe(key.fingerprint);
    expect(await judge(oneTimeKeyText(log.origin, signedFor.oneTimeKey), signedFor.signature)).toBe(true);
  });

  it('signs a hundred messages in a row, whatever numbers their signatures are', async () => {
    const own = await readKey(key.pkcs11, { env: { ...hsm.env, ...withPin } } as unknown as Io);
    await own.unlock?.();
    for (let i = 0; i < 100; i++) {
      const message = Buffer.from(`message ${i}`);
      expect(await judge(message, Buffer.from(own.sign(message)).toString('base64'))).toBe(true);
    }
  });

  it('is asked for no PIN by a command that only reads, and shows none to other users of the machine', async () => {
    await hsm.calls();
    expect((await run({}, 'acme', 'license', 'list')).code).toBe(0);
    const { value } = await run<{ keys: object[] }>({}, 'acme', 'keys', 'list');
    expect(value.keys).toEqual([expect.objectContaining({ fingerprint: key.fingerprint, here: true })]);
    expect((await hsm.calls()).filter((call) => call.includes('--login'))).toEqual([]);
    await register();
    const calls = await hsm.calls();
    expect(calls.filter((call) => call.includes('--pin env:MUNIMENT_PKCS11_PIN --slot'))).toHaveLength(1);
    expect(calls.join('\n')).not.toContain(PIN);
  });

  it("is taken as it is by another keygen, and cannot become another party's", async () => {
    const again = await run<Made>(withPin, 'acme', 'keygen', '--pkcs11', key.pkcs11);
    expect(again).toMatchObject({ code: 0, value: { pkcs11: key.pkcs11, fingerprint: key.fingerprint }, stderr: '' });
    const { code, value } = await run(withPin, 'beta', 'keygen', '--pkcs11', key.pkcs11, '--register');
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'signature_required' })]);
  });

  it('takes its PIN from a file that the URI names', async () => {
    await writeFile(path('pin'), `${PIN}\n`, { mode: 0o600 });
    const argv = ['party', 'key', '--label', 'file', '--out', path('file.key')];
    const { code } = await run({}, 'acme', ...argv, '--key', `${key.pkcs11}&pin-source=file:${path('pin')}`);
    expect(code).toBe(0);
  });

  it('takes its PIN from a person at a terminal, which does not show it', async () => {
    const argv = ['party', 'key', '--label', 'typed', '--out', path('typed.key')];
    const { code, screen } = await typed(`${PIN}\n`, ...argv);
    expect([code, screen]).toEqual([0, expect.stringContaining('PIN of the token "acme hsm": ')]);
    expect(screen).not.toContain(PIN);
  });

  it('is left alone when that person thinks better of it', async () => {
    const { code, screen } = await typed('\u0003', 'party', 'key', '--label', 'not', '--out', path('not.key'));
    expect([code, screen]).toEqual([1, expect.stringContaining('muniment: The question was not answered.')]);
  });

  it('is looked after by doctor, without its PIN', async () => {
    const { value } = await run<{ findings: object[] }>({}, 'acme', 'doctor', '--data', path('nowhere'));
    expect(value.findings).toContainEqual({
      check: 'hardware key',
      state: 'ok',
      says: `The token "acme hsm" is there and shows the key ${key.fingerprint}.`,
    });
  });
});

(mustRun ? describe : describe.skip)('a token that fails its owner', () => {
  it('refuses a wrong PIN: tried once, nothing recorded, and the owner is warned', async () => {
    await hsm.calls();
    const { code, value } = await register({ MUNIMENT_PKCS11_PIN: '00000000' });
    expect([code, value]).toEqual([
      1,
      expect.objectContaining({ code: 'pkcs11_pin_refused', fix: expect.stringContaining('lock the token') }),
    ]);
    expect((await hsm.calls()).filter((call) => call.includes('--login'))).toHaveLength(1);
    expect(await recorded()).toBe(false);
    const { code: later, stderr } = await register();
    expect([later, stderr]).toEqual([0, expect.stringContaining('was given a wrong PIN before')]);
    expect(await recorded()).toBe(true);
  });

  it('asks for its PIN where none is given', async () => {
    const { code, value } = await register({});
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'pkcs11_pin_missing' })]);
  });

  it('is not taken with a key that can be copied out of it, or that is not P-256', async () => {
    hsm.tool('--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'loose', '--id', '71', '--extractable');
    hsm.tool('--keypairgen', '--key-type', 'EC:secp384r1', '--label', 'wide', '--id', '72');
    hsm.tool('--keypairgen', '--key-type', 'rsa:2048', '--label', 'rsa', '--id', '73');
    for (const label of ['loose', 'wide', 'rsa']) {
      const uri = `pkcs11:token=acme%20hsm;object=${label}`;
      const { code, value } = await run(withPin, 'acme', 'keygen', '--pkcs11', uri, '--module', MODULE, '--register');
      expect([label, code, value]).toEqual([label, 1, expect.objectContaining({ code: 'pkcs11_key_unsuitable' })]);
    }
  });

  it.each([
    ['tool', { PATH: '/nonexistent' }, 'pkcs11_tool_missing'],
    ['library', { MUNIMENT_KEY: `${URI}?module-path=/nonexistent/lib.so` }, 'pkcs11_module_missing'],
    ['library that is one', { MUNIMENT_KEY: `${URI}?module-path=/etc/hostname` }, 'pkcs11_module_missing'],
    ['token', { MUNIMENT_KEY: `pkcs11:token=other;object=signing?module-path=${MODULE}` }, 'pkcs11_token_absent'],
  ])('is named where the %s is missing', async (_, env, expected) => {
    const { code, value } = await register({ ...withPin, ...env });
    expect([code, value]).toEqual([4, expect.objectContaining({ code: expected })]);
  });

  it('is named when it was pulled out, by doctor too', async () => {
    const pulled = await hsm.empty();
    const { code, value } = await register({ ...withPin, ...pulled });
    expect([code, value]).toEqual([4, expect.objectContaining({ code: 'pkcs11_token_absent' })]);
    const examined = await run<{ findings: object[] }>(pulled, 'acme', 'doctor', '--data', path('nowhere'));
    expect(examined.code).toBe(1);
    expect(examined.value.findings).toContainEqual(
      expect.objectContaining({ check: 'hardware key', state: 'wrong', says: 'There is no token "acme hsm".' }),
    );
  });

  it('may be followed by another key, for which the one before signs', async () => {
    const uri = 'pkcs11:token=acme%20hsm;object=second';
    const second = await done<Made>('acme', 'keygen', '--pkcs11', uri, '--module', MODULE, '--register');
    const [signature] = second.receipt.envelope.signatures;
    expect(signature?.keyid).toBe(key.fingerprint);
    expect(await judge(pae(Buffer.from(second.receipt.envelope.payload, 'base64')), signature!.sig)).toBe(true);
    expect((await profile()).key).toBe(second.pkcs11);
    const { value } = await register();
    expect(value.receipt.envelope.signatures[0]?.keyid).toBe(second.fingerprint);
  });

  it('that lost the key says so, and nothing goes on record', async () => {
    hsm.tool('--delete-object', '--type', 'privkey', '--label', 'second');
    const half = await register();
    expect([half.code, half.value]).toEqual([3, expect.objectContaining({ code: 'pkcs11_key_absent' })]);
    expect(await recorded()).toBe(false);
    hsm.tool('--delete-object', '--type', 'pubkey', '--label', 'second');
    const none = await register();
    expect([none.code, none.value]).toEqual([3, expect.objectContaining({ code: 'pkcs11_key_absent' })]);
    expect(await recorded()).toBe(false);
  });

  it('with another key under the same name cannot speak for the party', async () => {
    const id = /id=([%0-9a-f]+)/.exec((await profile()).key ?? '')?.[1]?.replaceAll('%', '') ?? '';
    hsm.tool(
      '--keypairgen',
      '--key-type',
      'EC:prime256v1',
      '--label',
      'second',
      '--id',
      id,
      '--usage-sign',
      '--sensitive',
    );
    const { code, value } = await register();
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'signature_required' })]);
    expect(await recorded()).toBe(false);
  });
});

async function apiKey(): Promise<string> {
  return (await readFile(path('acme.key'), 'utf8')).trim();
}

/** The registry's key, taken by hand. */
async function trustFile(): Promise<string> {
  await done('acme', 'trust', 'add', log.verifierKey);
  return join(path('acme'), 'trust.json');
}

/** Runs the program on a terminal (`script` of util-linux) and types once it asks. */
async function typed(text: string, ...argv: string[]): Promise<{ code: number | null; screen: string }> {
  const main = fileURLToPath(new URL('../../../dist/src/cli/main.js', import.meta.url));
  const command = [process.execPath, main, ...argv].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: cleanEnvironment({ ...users.env('acme'), ...hsm.env }),
  });
  let screen = '';
  let answered = false;
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk.toString('utf8');
    if (answered || !screen.includes('PIN of the token')) return;
    answered = true;
    child.stdin.write(text);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, screen };
}
