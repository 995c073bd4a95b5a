import { chmod, chown, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { examineOwnKey } from '../../../../src/cli/doctor.ts';
import type { Io } from '../../../../src/cli/io.ts';
import { readKey } from '../../../../src/cli/keys.ts';
import { makeTokenKey } from '../../../../src/cli/pkcs11/token-key.ts';
import type { Settings } from '../../../../src/cli/settings.ts';
import { makeHome } from '../support.ts';
import { FakeTool, privateKey, publicKey, tokens } from './fake-tool.ts';

const { privateKey: secret, publicKey: shown } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const spki = shown.export({ format: 'der', type: 'spki' });
const point = `0441${spki.subarray(-65).toString('hex')}`;
const fit = tokens({});
const key = { out: publicKey(point) };
const MESSAGE = Buffer.from('a statement');

let home: string;
let remove: () => Promise<void>;
let tool: FakeTool;
let module: string;
let notes: string;
beforeEach(async () => {
  ({ home, remove } = await makeHome());
  tool = await FakeTool.in(home);
  module = join(home, 'token.so');
  await writeFile(module, 'a library', { mode: 0o644 });
  notes = '';
});
afterEach(() => remove());

const uri = (rest = '') => `pkcs11:token=acme%20hsm;object=k1?module-path=${module}${rest}`;

function ioOf(env: Record<string, string> = { MUNIMENT_PKCS11_PIN: '123456' }, more: Partial<Io> = {}): Io {
  return {
    env: { PATH: tool.folder, SOFTHSM2_CONF: 'kept', MUNIMENT_API_KEY: 'mun_secret', ...env },
    out: () => undefined,
    note: (text) => void (notes += text),
    watched: false,
    input: () => Promise.resolve(''),
    onInterrupt: () => () => undefined,
    ...more,
  };
}

/** The raw signature that an honest token would give for `MESSAGE`. */
const signature = () => sign('sha256', MESSAGE, { key: secret, dsaEncoding: 'ieee-p1363' });

async function signed(io = ioOf(), text = uri()): Promise<Uint8Array> {
  const own = await readKey(text, io);
  await own.unlock?.();
  return own.sign(MESSAGE);
}

const refused = (code: string, says: RegExp) => ({ code, message: expect.stringMatching(says) });

describe('a key in a token', () => {
  it('is known by its public half, without a PIN', async () => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key });
    const own = await readKey(uri(), ioOf({}));
    expect(own.spki).toBe(spki.toString('base64'));
    expect(own.keyId).toBe(`sha256:${createHash('sha256').update(spki).digest('hex')}`);
    expect((await tool.calls()).flatMap(({ args }) => args)).not.toContain('--login');
  });

  it('is read with the PIN where the token hides even the public half', async () => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': { out: '' } });
    await expect(readKey(uri(), ioOf())).rejects.toMatchObject(refused('pkcs11_key_absent', /has no key pair "k1"/));
    expect((await tool.calls()).map(({ pin }) => pin)).toEqual([undefined, undefined, '123456']);
  });

  it('never has its PIN among arguments, and shows the library no other secret of ours', async () => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key, sign: { out: signature() } });
    await signed();
    const calls = await tool.calls();
    expect(calls.at(-1)).toMatchObject({
      pin: '123456',
      args: expect.arrayContaining(['--pin', 'env:MUNIMENT_PKCS11_PIN']),
    });
    for (const { args, env } of calls) {
      expect(args.join(' ')).not.toContain('123456');
      expect(env).toContain('SOFTHSM2_CONF');
      expect(env.filter((name) => name.startsWith('MUNIMENT_'))).toEqual([]);
    }
  });

  it('cannot sign before it is unlocked', async () => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key });
    const own = await readKey(uri(), ioOf());
    expect(() => own.sign(MESSAGE)).toThrow('to be unlocked');
  });

  it('refuses a signature of another key than the one that the token shows', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
    const forged = sign('sha256', MESSAGE, { key: other, dsaEncoding: 'ieee-p1363' });
    for (const out of [forged, Buffer.alloc(64), Buffer.alloc(0), Buffer.from('not a signature')]) {
      await tool.answer({ 'list-token-slots': fit, 'list-objects': key, sign: { out } });
      await expect(signed()).rejects.toMatchObject({ code: 'pkcs11_failed' });
    }
  });

  it.each([
    ['of another curve', publicKey(point, { curve: '06052b81040022' })],
    ['of another kind', 'Public Key Object; RSA 2048 bits\n  label:      k1\n  ID:         0a0b\n'],
    ['without a point', publicKey('')],
    ['with a compressed point', publicKey(`042102${point.slice(6, 70)}`)],
  ])('refuses a key %s', async (_, out) => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': { out } });
    await expect(readKey(uri(), ioOf())).rejects.toMatchObject(
      refused('pkcs11_key_unsuitable', /is not an ECDSA P-256/),
    );
  });

  it('refuses a point that is not on the curve', async () => {
    const out = publicKey(`${point.slice(0, -2)}${point.endsWith('00') ? '01' : '00'}`);
    await tool.answer({ 'list-token-slots': fit, 'list-objects': { out } });
    await expect(readKey(uri(), ioOf())).rejects.toMatchObject(refused('invalid_input', /not a point on the curve/));
  });

  it('takes a point without its head, and the curve with its name behind, as some libraries and versions write them', async () => {
    const out = publicKey(point.slice(4), { curve: '06082a8648ce3d030107 (OID 1.2.840.10045.3.1.7)' });
    await tool.answer({ 'list-token-slots': fit, 'list-objects': { out } });
    expect((await readKey(uri(), ioOf())).spki).toBe(spki.toString('base64'));
  });

  it('does not choose between two keys of one name', async () => {
    const out = publicKey(point) + publicKey(point, { id: '0c' });
    await tool.answer({ 'list-token-slots': fit, 'list-objects': { out } });
    const error = { ...refused('pkcs11_key_unsuitable', /2 keys/), fix: expect.stringContaining('%0a%0b, %0c') };
    await expect(readKey(uri(), ioOf())).rejects.toMatchObject(error);
  });
});

describe('keygen in a token', () => {
  it('refuses a key that the token would give away', async () => {
    for (const access of ['sensitive, extractable, local', 'never extractable, local', 'none']) {
      await tool.answer({ 'list-token-slots': fit, 'list-objects': { out: key.out + privateKey(access) } });
      await expect(makeTokenKey(uri(), undefined, ioOf())).rejects.toMatchObject(
        refused('pkcs11_key_unsuitable', /can be copied out/),
      );
    }
    expect((await tool.calls()).flatMap(({ args }) => args)).not.toContain('--keypairgen');
  });

  it('warns of a key that was brought into the token, since whoever brought it may have kept it', async () => {
    for (const [access, warning] of [
      ['sensitive', 'somebody may hold a copy'],
      ['sensitive, never extractable', 'somebody may hold a copy'],
      ['sensitive, always sensitive, never extractable, local', ''],
    ] as const) {
      notes = '';
      await tool.answer({ 'list-token-slots': fit, 'list-objects': { out: key.out + privateKey(access) } });
      await makeTokenKey(uri(), undefined, ioOf());
      expect(notes).toEqual(warning === '' ? '' : expect.stringContaining(warning));
    }
  });

  it('refuses half a key pair, and makes none beside it', async () => {
    for (const out of [key.out, privateKey('sensitive, never extractable')]) {
      await tool.answer({ 'list-token-slots': fit, 'list-objects': { out } });
      await expect(makeTokenKey(uri(), undefined, ioOf())).rejects.toMatchObject({ code: 'pkcs11_key_absent' });
      expect((await tool.calls()).flatMap(({ args }) => args)).not.toContain('--keypairgen');
    }
  });
});

describe('the token', () => {
  it('is named when it is not there', async () => {
    await tool.answer({ 'list-token-slots': tokens({ token: 'another' }) });
    await expect(readKey(uri(), ioOf())).rejects.toMatchObject(
      refused('pkcs11_token_absent', /There is no token "acme hsm"/),
    );
    await tool.answer({ 'list-token-slots': { out: 'Available slots:\nNo slots.\n' } });
    await expect(readKey(uri(), ioOf())).rejects.toMatchObject({ code: 'pkcs11_token_absent' });
  });

  it('has to be told from one that bears the same name, by its serial number', async () => {
    await tool.answer({ 'list-token-slots': tokens({}, { serial: '77' }), 'list-objects': key });
    await expect(readKey(uri(), ioOf())).rejects.toMatchObject({
      ...refused('pkcs11_token_absent', /2 tokens are called/),
      fix: expect.stringContaining('6e5f97d21fc67e59, 77'),
    });
    await readKey(uri().replace(';object', ';serial=77;object'), ioOf());
    expect((await tool.calls()).at(-1)?.args).toContain('0x1fc67e51');
  });

  it.each([
    ['CKR_DEVICE_REMOVED', 'pkcs11_token_absent', /taken away/],
    ['CKR_DEVICE_ERROR', 'pkcs11_failed', /failed with CKR_DEVICE_ERROR/],
    ['nothing that is known', 'pkcs11_failed', /^The token failed\.$/],
  ])('that ends a signature with %s is named', async (says, code, message) => {
    const error = `error: PKCS11 function C_Sign failed: rv = ${says} (0x30)\nAborting.\n`;
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key, sign: { error } });
    await expect(signed()).rejects.toMatchObject(refused(code, message));
  });
});

describe('the PIN', () => {
  const WRONG = { error: 'error: PKCS11 function C_Login failed: rv = CKR_PIN_INCORRECT (0xa0)\nAborting.\n' };
  const logins = async () => (await tool.calls()).filter(({ args }) => args.includes('--login')).length;

  it.each(['CKR_PIN_INCORRECT', 'CKR_PIN_LEN_RANGE', 'CKR_PIN_INVALID'])(
    'that is refused with %s is never tried again by this process',
    async (reason) => {
      const error = WRONG.error.replace('CKR_PIN_INCORRECT', reason);
      await tool.answer({ 'list-token-slots': fit, 'list-objects': key, sign: { error } });
      const own = await readKey(uri(), ioOf());
      await own.unlock?.();
      for (let i = 0; i < 3; i++) {
        expect(() => own.sign(MESSAGE)).toThrow(
          expect.objectContaining({ code: 'pkcs11_pin_refused', fix: expect.stringContaining('lock the token') }),
        );
      }
      expect(await logins()).toBe(1);
    },
  );

  it('stands in no message', async () => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key, sign: WRONG });
    const error: unknown = await signed().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'pkcs11_pin_refused' });
    expect(JSON.stringify([error, String(error), String((error as Error).cause), notes])).not.toContain('123456');
  });

  it('is not tried where it is locked, and the way out is named', async () => {
    await tool.answer({ 'list-token-slots': tokens({ flags: ', user PIN locked' }), 'list-objects': key });
    await expect(signed()).rejects.toMatchObject({
      ...refused('pkcs11_pin_refused', /is locked/),
      fix: expect.stringContaining('PUK'),
    });
    const error = WRONG.error.replace('INCORRECT', 'LOCKED');
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key, sign: { error } });
    await expect(signed()).rejects.toMatchObject(refused('pkcs11_pin_refused', /is locked/));
  });

  it('that is kept does not take the last try before the token locks itself; a person may', async () => {
    const last = tokens({ flags: ', user PIN count low, final user PIN try' });
    await tool.answer({ 'list-token-slots': last, 'list-objects': key, sign: { out: signature() } });
    await expect(signed()).rejects.toMatchObject(refused('pkcs11_pin_refused', /locks itself at the next wrong PIN/));
    expect(await logins()).toBe(0);
    await signed(ioOf({}, { askSecret: () => Promise.resolve('123456') }));
    expect(notes).toContain('the next one locks it');
    expect(await logins()).toBe(1);
  });

  it('is warned about after a wrong one', async () => {
    const low = tokens({ flags: ', user PIN count low' });
    await tool.answer({ 'list-token-slots': low, 'list-objects': key, sign: { out: signature() } });
    await signed();
    expect(notes).toContain('was given a wrong PIN before');
  });

  it('comes from the file of this key, which only its owner may read, before the environment', async () => {
    const file = join(home, 'pin');
    const text = uri(`&pin-source=file:${file}`);
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key, sign: { out: signature() } });
    await expect(signed(ioOf(), text)).rejects.toMatchObject(refused('pkcs11_pin_missing', /There is no PIN file/));
    await writeFile(file, '777777\n', { mode: 0o644 });
    await expect(signed(ioOf(), text)).rejects.toMatchObject({ code: 'configuration_invalid' });
    await chmod(file, 0o600);
    await signed(ioOf(), text);
    expect((await tool.calls()).at(-1)?.pin).toBe('777777');
  });

  it('of a token whose label holds control characters is asked for without them', async () => {
    const label = 'acme\u001b]0;hsm\u0007\u009b2J';
    await tool.answer({
      'list-token-slots': tokens({ token: label }),
      'list-objects': key,
      sign: { out: signature() },
    });
    let question = '';
    const io = ioOf({}, { askSecret: (asked) => Promise.resolve(((question = asked), '123456')) });
    await signed(io, `pkcs11:serial=6e5f97d21fc67e59;object=k1?module-path=${module}`);
    expect(question).toBe('PIN of the token "acme]0;hsm2J": ');
  });

  it('is asked for once, at a terminal', async () => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key, sign: { out: signature() } });
    const asked: string[] = [];
    const askSecret = (question: string) => Promise.resolve((asked.push(question), '424242'));
    const own = await readKey(uri(), ioOf({}, { askSecret }));
    for (let i = 0; i < 2; i++) {
      await own.unlock?.();
      own.sign(MESSAGE);
    }
    expect(asked).toEqual(['PIN of the token "acme hsm": ']);
    expect((await tool.calls()).at(-1)?.pin).toBe('424242');
  });

  it('is missed where there is none', async () => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key });
    await expect(signed(ioOf({}))).rejects.toMatchObject(refused('pkcs11_pin_missing', /There is no PIN/));
  });

  it.each(['12\n34', 'x'.repeat(256)])('that no token can have is not tried', async (pin) => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key });
    await expect(signed(ioOf({ MUNIMENT_PKCS11_PIN: pin }))).rejects.toMatchObject({ code: 'pkcs11_pin_refused' });
    expect(await logins()).toBe(0);
  });
});

describe('the way to the token', () => {
  it('names the package that is missing', async () => {
    await expect(readKey(uri(), ioOf({ PATH: home }))).rejects.toMatchObject({
      ...refused('pkcs11_tool_missing', /"pkcs11-tool" of OpenSC is not on the path/),
      fix: expect.stringContaining('apt-get install opensc'),
    });
  });

  it('asks for the library, and takes it from the environment where the URI names none', async () => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key });
    const bare = 'pkcs11:token=acme%20hsm;object=k1';
    await expect(readKey(bare, ioOf())).rejects.toMatchObject(
      refused('pkcs11_module_missing', /not said which library/),
    );
    await readKey(bare, ioOf({ MUNIMENT_PKCS11_MODULE: module }));
    expect((await tool.calls())[0]?.args.slice(0, 2)).toEqual(['--module', module]);
  });

  it('refuses a library that is not there, is a folder, or is named by the working folder', async () => {
    for (const path of [join(home, 'nothing.so'), home]) {
      await expect(readKey(`pkcs11:token=a;object=b?module-path=${path}`, ioOf())).rejects.toMatchObject(
        refused('pkcs11_module_missing', /There is no PKCS#11 library/),
      );
    }
    const relative = ioOf({ MUNIMENT_PKCS11_MODULE: 'token.so' });
    await expect(readKey('pkcs11:token=a;object=b', relative)).rejects.toMatchObject({ code: 'pkcs11_module_missing' });
  });

  it('refuses a library that others could put their code into, by a link too', async () => {
    await chmod(module, 0o666);
    await symlink(module, join(home, 'link.so'));
    for (const path of [module, join(home, 'link.so')]) {
      await expect(readKey(`pkcs11:token=a;object=b?module-path=${path}`, ioOf())).rejects.toMatchObject(
        refused('configuration_invalid', /can be changed by others/),
      );
    }
  });

  it('refuses a library in a folder in which others can put theirs in its place', async () => {
    const open = join(home, 'open');
    await mkdir(join(open, 'lib'), { recursive: true });
    await copyFile(module, join(open, 'lib', 'token.so'));
    await symlink(join(open, 'lib', 'token.so'), join(home, 'link.so'));
    await chmod(open, 0o777);
    for (const path of [join(open, 'lib', 'token.so'), join(home, 'link.so')]) {
      await expect(readKey(`pkcs11:token=a;object=b?module-path=${path}`, ioOf())).rejects.toMatchObject(
        refused('configuration_invalid', /can be replaced by others/),
      );
    }
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key });
    await chmod(open, 0o1777);
    await readKey(`pkcs11:token=acme%20hsm;object=k1?module-path=${join(home, 'link.so')}`, ioOf());
  });

  // Only who may give files away can make one that is somebody else's.
  const asRoot = process.getuid?.() === 0 ? it : it.skip;
  asRoot('refuses a library of another user, who can put code into it at any time', async () => {
    await chown(module, 65534, 65534);
    await expect(readKey(uri(), ioOf())).rejects.toMatchObject(
      refused('configuration_invalid', /belongs to another user/),
    );
  });

  it('says that a file is no library', async () => {
    const error = 'sc_dlopen failed: invalid ELF header\nerror: Failed to load pkcs11 module\nAborting.\n';
    await tool.answer({ 'list-token-slots': { error } });
    await expect(readKey(uri(), ioOf())).rejects.toMatchObject(
      refused('pkcs11_module_missing', /is no PKCS#11 library for this machine/),
    );
  });
});

describe('doctor', () => {
  const examine = (keyFile: string | undefined) =>
    examineOwnKey({ io: ioOf(), settings: () => Promise.resolve({ keyFile } as Settings) });

  it('says that the token is there and which key it shows, without using the PIN', async () => {
    await tool.answer({ 'list-token-slots': fit, 'list-objects': key });
    expect(await examine(uri())).toEqual([
      { check: 'hardware key', state: 'ok', says: expect.stringContaining('shows the key sha256:') },
    ]);
    expect((await tool.calls()).flatMap(({ args }) => args)).not.toContain('--login');
  });

  it('warns of a token that counts wrong PINs', async () => {
    await tool.answer({ 'list-token-slots': tokens({ flags: ', final user PIN try' }), 'list-objects': key });
    expect(await examine(uri())).toMatchObject([
      { state: 'warning', fix: expect.stringContaining('final user PIN try') },
    ]);
  });

  it('says what is wrong when it is not there', async () => {
    await tool.answer({ 'list-token-slots': tokens() });
    expect(await examine(uri())).toMatchObject([
      { state: 'wrong', says: expect.stringContaining('There is no token') },
    ]);
  });

  it('says nothing of a key in a file, or of none', async () => {
    expect([await examine('/keys/signing.key'), await examine(undefined)]).toEqual([[], []]);
  });
});
