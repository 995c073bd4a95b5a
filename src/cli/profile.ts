/**
 * What the client keeps between calls: the profile that `login` writes, signing keys, the trust file and the newest
 * checkpoint seen of each log. All in one folder that only its user can enter, every file with mode 0600.
 *
 * Another user of the machine may try to read the API key, or to plant a profile: one that others can read or write is
 * refused. The profile's API key is shown to the profile's own server only, wherever `--url` points.
 */
import { access, link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { EndReason } from '../core/registry/key.ts';

export interface Profile {
  url: string;
  apiKey: string;
  /** The party that the API key acts for. */
  party: string;
  /** The party's signing key: its file, or the PKCS#11 URI of one in a token. */
  key?: string;
  /** The key that `key` took the place of, while it is still to be ended on record. */
  ending?: { fingerprint: Digest; reason: EndReason };
}

type Env = Readonly<Record<string, string | undefined>>;

/** `$MUNIMENT_HOME`, or `muniment` in the XDG configuration folder. */
export function homeOf(env: Env): string {
  if (env['MUNIMENT_HOME']) return resolve(env['MUNIMENT_HOME']);
  return join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'), 'muniment');
}

export const profilePath = (home: string): string => join(home, 'profile.json');
export const trustPath = (home: string): string => join(home, 'trust.json');
export const defaultKeyPath = (home: string): string => join(home, 'signing.key');

/** @throws RegistryError `configuration_invalid` for a file that others can read, or that is no profile */
export async function readProfile(home: string): Promise<Profile | undefined> {
  const path = profilePath(home);
  const text = await readPrivate(path);
  if (text === undefined) return undefined;
  return parse(path, text);
}

export const writeProfile = (home: string, profile: Profile): Promise<void> =>
  writePrivate(profilePath(home), `${JSON.stringify(profile, null, 2)}\n`);

/**
 * The text of a secret file, undefined where there is none.
 * @throws RegistryError `configuration_invalid` when others than its owner can read or write it
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RegistryError('unreachable', `The file "${path}" cannot be read.`, { cause });
  }
  // Windows has no such modes; its profile folder is private by itself.
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0) {
    throw new RegistryError('configuration_invalid', `The file "${path}" can be read or changed by others.`, {
      fix: `Run: chmod 600 "${path}"`,
    });
  }
  return text;
}

/** Replaces the file in one step, so that a crash leaves the old text or the new one. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const draft = await writeDraft(path, text);
  try {
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/**
 * Writes a file that must not exist yet, in one step: a crash leaves the whole text or no file.
 * @throws RegistryError `already_exists`, so that no key is ever overwritten
 */
export async function writeNew(path: string, text: string): Promise<void> {
  const draft = await writeDraft(path, text);
  try {
    await link(draft, path);
  } catch (cause) {
    throw unwritten(path, cause);
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * To be asked before something is made whose secret is to be written there, and would be lost.
 * @throws RegistryError `already_exists`, `unreachable`
 */
export async function requireWritable(path: string): Promise<void> {
  await rm(await writeDraft(path, ''), { force: true });
  const isTaken = await access(path).then(
    () => true,
    () => false,
  );
  if (isTaken) throw taken(path);
}

/** @returns the file beside `path` that holds the text now */
async function writeDraft(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  let file;
  try {
    file = await open(draft, 'wx', 0o600);
  } catch (cause) {
    throw unwritten(draft, cause);
  }
  try {
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return draft;
}

function unwritten(path: string, cause: unknown): RegistryError {
  if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
    return new RegistryError('unreachable', `The file "${path}" cannot be written.`, { cause });
  }
  return taken(path, cause);
}

const taken = (path: string, cause?: unknown): RegistryError =>
  new RegistryError('already_exists', `The file "${path}" exists already.`, { fix: 'Name another file.', cause });

function parse(path: string, text: string): Profile {
  const refuse = (cause?: unknown) =>
    new RegistryError('configuration_invalid', `The file "${path}" is not a profile.`, {
      fix: 'Remove it and run "muniment login" again.',
      cause,
    });
  let value: Partial<Record<keyof Profile, unknown>> | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (cause) {
    throw refuse(cause);
  }
  const { url, apiKey, party, key, ending } = value ?? {};
  if (typeof url !== 'string' || typeof apiKey !== 'string' || typeof party !== 'string') throw refuse();
  return {
    url,
    apiKey,
    party,
    ...(typeof key === 'string' ? { key } : {}),
    ...(isEnding(ending) ? { ending } : {}),
  };
}

function isEnding(value: unknown): value is NonNullable<Profile['ending']> {
  const { fingerprint, reason } = (value ?? {}) as Record<string, unknown>;
  return typeof fingerprint === 'string' && typeof reason === 'string';
}
