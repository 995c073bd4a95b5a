import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { homeOf, readPrivate, readProfile, writeNew, writePrivate, writeProfile } from '../../../src/cli/profile.ts';
import { DEFAULT_URL, resolveSettings } from '../../../src/cli/settings.ts';
import type { Flags } from '../../../src/cli/settings.ts';
import { makeHome } from './support.ts';

let home: string;
let remove: () => Promise<void>;
beforeEach(async () => ({ home, remove } = await makeHome()));
afterEach(() => remove());

const PROFILE = { url: 'https://registry.example', apiKey: 'mun_profile', party: 'party_1', key: '/keys/profile.pem' };

const settingsOf = (flags: Flags, env: Record<string, string> = {}) =>
  resolveSettings(flags, { env: { MUNIMENT_HOME: home, ...env }, input: () => Promise.resolve('mun_typed\n') });

describe('flags stand over the environment, and that over the profile', () => {
  beforeEach(() => writeProfile(home, PROFILE));

  it('takes the profile where nothing else is said', async () => {
    expect(await settingsOf({})).toMatchObject({ url: PROFILE.url, apiKey: PROFILE.apiKey, keyFile: PROFILE.key });
  });

  it('takes the environment over the profile', async () => {
    const env = { MUNIMENT_URL: PROFILE.url, MUNIMENT_API_KEY: 'mun_env', MUNIMENT_KEY: '/keys/env.pem' };
    expect(await settingsOf({}, env)).toMatchObject({ apiKey: 'mun_env', keyFile: '/keys/env.pem' });
  });

  it('takes flags over both', async () => {
    const env = { MUNIMENT_URL: 'http://env.example', MUNIMENT_API_KEY: 'mun_env', MUNIMENT_KEY: '/keys/env.pem' };
    const flags = { url: 'http://flag.example/', apiKey: 'mun_flag', key: '/keys/flag.pem' };
    expect(await settingsOf(flags, env)).toMatchObject({
      url: 'http://flag.example',
      apiKey: 'mun_flag',
      keyFile: '/keys/flag.pem',
    });
  });

  it('counts an empty variable as unset', async () => {
    expect(await settingsOf({}, { MUNIMENT_URL: '', MUNIMENT_API_KEY: '' })).toMatchObject({
      url: PROFILE.url,
      apiKey: PROFILE.apiKey,
    });
  });

  it('never shows the API key of the profile to another server', async () => {
    const { apiKey, keyFile, profile } = await settingsOf({ url: 'https://evil.example' });
    expect([apiKey, keyFile, profile]).toEqual([undefined, undefined, undefined]);
  });
});

it('talks to this machine where nothing is set', async () => {
  expect(await settingsOf({})).toMatchObject({ url: DEFAULT_URL, apiKey: undefined, keyFile: undefined });
});

it('takes a key file as it lies from here, and the URI of a key in a token as it is', async () => {
  expect((await settingsOf({ key: 'a.pem' })).keyFile).toBe(resolve('a.pem'));
  const uri = 'pkcs11:token=acme;object=signing';
  expect((await settingsOf({ key: uri })).keyFile).toBe(uri);
  expect((await settingsOf({}, { MUNIMENT_KEY: uri })).keyFile).toBe(uri);
});

it('reads an API key from a file or from standard input, so that it stays out of the process list', async () => {
  await writeFile(join(home, 'api.key'), 'mun_file\n');
  expect((await settingsOf({ apiKey: `@${join(home, 'api.key')}` })).apiKey).toBe('mun_file');
  expect((await settingsOf({ apiKey: '-' })).apiKey).toBe('mun_typed');
});

describe('the folder', () => {
  it('is MUNIMENT_HOME, else in the XDG configuration folder, else in ~/.config', () => {
    expect(homeOf({ MUNIMENT_HOME: '/m', XDG_CONFIG_HOME: '/x', HOME: '/h' })).toBe('/m');
    expect(homeOf({ XDG_CONFIG_HOME: '/x', HOME: '/h' })).toBe('/x/muniment');
    expect(homeOf({ HOME: '/h' })).toBe('/h/.config/muniment');
  });
});

describe('secret files', () => {
  it('are made for their user alone, folders too', async () => {
    await writeProfile(join(home, 'deep', 'er'), PROFILE);
    expect((await stat(join(home, 'deep', 'er', 'profile.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'deep', 'er'))).mode & 0o777).toBe(0o700);
  });

  it.each([0o640, 0o604, 0o620, 0o602])('are refused with mode %o, which lets others in', async (mode) => {
    await writeProfile(home, PROFILE);
    await chmod(join(home, 'profile.json'), mode);
    await expect(readProfile(home)).rejects.toMatchObject({
      code: 'configuration_invalid',
      fix: expect.stringContaining('chmod 600'),
    });
  });

  it('are replaced whole, and a mode that was too open does not survive', async () => {
    const path = join(home, 'kept');
    await writeFile(path, 'old', { mode: 0o644 });
    await writePrivate(path, 'new');
    expect(await readPrivate(path)).toBe('new');
  });

  it('are never overwritten where they hold a key', async () => {
    const path = join(home, 'signing.key');
    await writeNew(path, 'first');
    await expect(writeNew(path, 'second')).rejects.toMatchObject({ code: 'already_exists' });
    expect(await readFile(path, 'utf8')).toBe('first');
  });

  it('appear whole or not at all, and leave no drafts behind', async () => {
    const folder = join(home, 'drafts');
    const path = join(folder, 'signing.key');
    const both = await Promise.allSettled([writeNew(path, 'first'), writeNew(path, 'second')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await readFile(path, 'utf8')).toMatch(/^(?:first|second)$/);
    await expect(writeNew(path, 'third')).rejects.toMatchObject({ code: 'already_exists' });
    expect(await readdir(folder)).toEqual(['signing.key']);
  });

  it('keep what a change of keys has still to do, and forget what is none', async () => {
    const ending = { fingerprint: `sha256:${'0'.repeat(64)}` as const, reason: 'superseded' as const };
    await writeProfile(home, { ...PROFILE, ending });
    expect(await readProfile(home)).toEqual({ ...PROFILE, ending });
    await writePrivate(join(home, 'profile.json'), JSON.stringify({ ...PROFILE, ending: { fingerprint: 1 } }));
    expect(await readProfile(home)).toEqual(PROFILE);
  });

  it.each(['', '{', 'null', '[]', '{"url":"x"}', '{"url":1,"apiKey":"k","party":"p"}'])(
    'that hold no profile are named: %j',
    async (text) => {
      await writePrivate(join(home, 'profile.json'), text);
      await expect(readProfile(home)).rejects.toMatchObject({ code: 'configuration_invalid' });
    },
  );
});
