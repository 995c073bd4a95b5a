/**
 * Which server, as whom, signing with what: flags over environment over profile. Nothing is read before a command asks
 * for it, and a secret on the command line can be given as `@FILE`, because other users see a process's arguments.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { RegistryError } from '../core/errors.ts';
import type { Io } from './io.ts';
import { isPkcs11Uri } from './pkcs11/uri.ts';
import type { Profile } from './profile.ts';
import { homeOf, readProfile, trustPath } from './profile.ts';

export const DEFAULT_URL = 'http://127.0.0.1:3000';

/** The options that every command takes. */
export interface Flags {
  json?: boolean;
  url?: string;
  apiKey?: string;
  key?: string;
  trust?: string;
}

export interface Settings {
  readonly home: string;
  /** Without a final slash. */
  readonly url: string;
  readonly apiKey: string | undefined;
  /** The signing key: its file, or the PKCS#11 URI of one in a token. */
  readonly keyFile: string | undefined;
  readonly trustFile: string;
  /** Whether somebody named the trust file, who then expects it to be there. */
  readonly trustNamed: boolean;
  readonly profile: Profile | undefined;
}

/** @throws RegistryError `usage`, `configuration_invalid`, `unreachable` */
export async function resolveSettings(flags: Flags, io: Pick<Io, 'env' | 'input'>): Promise<Settings> {
  const { env } = io;
  const home = homeOf(env);
  const profile = await readProfile(home);
  const url = readUrl(flags.url ?? (env['MUNIMENT_URL'] || undefined) ?? profile?.url ?? DEFAULT_URL);
  // Another server must not learn the key by being named in --url.
  const own = profile?.url === url ? profile : undefined;
  const keyFile = flags.key ?? (env['MUNIMENT_KEY'] || undefined) ?? own?.key;
  return {
    home,
    url,
    apiKey:
      flags.apiKey === undefined
        ? ((env['MUNIMENT_API_KEY'] || undefined) ?? own?.apiKey)
        : await readSecret(flags.apiKey, io),
    keyFile: keyFile === undefined ? undefined : resolveKey(keyFile),
    trustNamed: flags.trust !== undefined,
    trustFile: flags.trust === undefined ? trustPath(home) : resolve(flags.trust),
    profile: own,
  };
}

/** The name of a signing key as it is kept: a path that holds in every folder, or a PKCS#11 URI. */
export const resolveKey = (name: string): string => (isPkcs11Uri(name) ? name : resolve(name));

/** A secret given as itself, as `@FILE`, or as `-` for standard input. */
export async function readSecret(given: string, io: Pick<Io, 'input'>): Promise<string> {
  if (given === '-') return (await io.input()).trim();
  return given.startsWith('@') ? (await readText(given.slice(1))).trim() : given;
}

/** @throws RegistryError `unreachable` */
export async function readText(path: string): Promise<string> {
  return (await readBytes(path)).toString('utf8');
}

/** @throws RegistryError `unreachable` */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new RegistryError('unreachable', `The file "${path}" cannot be read.`, { cause });
  }
}

function readUrl(text: string): string {
  if (/^https?:\/\/[^?#]+$/.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '');
  throw new RegistryError('usage', `"${text}" is not the address of a server.`, {
    field: 'url',
    fix: `Write it as in ${DEFAULT_URL}.`,
  });
}
