/**
 * Where a gate knows the registry's public keys and status lists from: the registry itself, asked again when they have
 * aged, or a bundle that somebody brings (`muniment token bundle`). What was fetched serves on while the registry cannot be
 * reached; how old it may be is judged where it is used.
 */
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { fromUtf8 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { atMost } from '../platform/answer.ts';
import type { VerificationKeys } from '../tokens/license-token/index.ts';
import { readJwks } from '../tokens/license-token/index.ts';

export interface Sources {
  /** @param past a key is not among the known ones: look again, unless that was done just now */
  keys(past?: boolean): Promise<VerificationKeys>;
  /**
   * The signed list at a URI.
   * @param past the known one is too old: look again, unless that was done just now
   * @throws RegistryError `status_list_invalid`, `unreachable`
   */
  list(uri: string, past?: boolean): Promise<string>;
}

const KEYS_AGE_MS = 300_000;
const AGAIN_MS = 10_000;
const TIMEOUT_MS = 10_000;
/** Bytes; a list of 131,072 tokens takes 44,000 at most. */
const MAX_ANSWER = 8 * 1024 * 1024;

/** How long nothing is asked again after nothing was answered. */
const PAUSE_MS = 1000;

/**
 * Something fetched, which is fetched again when it is old. Until it is twice as old nobody waits for that, and what there
 * is serves on where fetching fails.
 */
class Kept<Value> {
  #value: Value | undefined;
  #at = -Infinity;
  #failed: { at: number; error: unknown } = { at: -Infinity, error: undefined };
  #fetching: Promise<void> | undefined;

  constructor(private readonly fetch: () => Promise<Value>) {}

  async get(maxAgeMs: number): Promise<Value> {
    const now = performance.now();
    const age = now - this.#at;
    const paused = now - this.#failed.at < PAUSE_MS;
    if (age >= maxAgeMs && !paused) {
      this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
      if (age >= 2 * maxAgeMs) await this.#fetching;
    }
    if (this.#value === undefined) throw this.#failed.error;
    return this.#value;
  }

  /** That it failed is told by the age of what is kept, to whom that matters. */
  async #fetch(): Promise<void> {
    try {
      this.#value = await this.fetch();
      this.#at = performance.now();
    } catch (error) {
      this.#failed = { at: performance.now(), error };
    }
  }
}

/** @param maxAgeMs after which a status list is asked for again */
export function onlineSources(registry: string, maxAgeMs: number): Sources {
  const keys = new Kept(() => keysAt(`${registry}/.well-known/jwks.json`));
  const lists = new Map<string, Kept<string>>();
  return {
    keys: (past = false) => keys.get(past ? AGAIN_MS / 2 : KEYS_AGE_MS),
    list(uri, past = false) {
      if (!uri.startsWith(`${registry}/statuslists/`)) throw foreign(uri);
      let kept = lists.get(uri);
      if (kept === undefined) {
        kept = new Kept(() => textOf(uri));
        lists.set(uri, kept);
      }
      return kept.get(past ? Math.min(maxAgeMs, PAUSE_MS / 2) : maxAgeMs);
    },
  };
}

/** @param path of a bundle, which is read again when another one is put in its place */
export function bundledSources(path: string): Sources {
  let read: { mtimeMs: number; keys: VerificationKeys; lists: Record<string, string> } | undefined;
  const current = async () => {
    const { mtimeMs } = await stat(path).catch((cause: unknown) => {
      throw new RegistryError('unreachable', 'The bundle of keys and status lists cannot be read.', { cause });
    });
    if (read?.mtimeMs !== mtimeMs) {
      const { jwks, statusLists } = bundleOf(await readFile(path, 'utf8'));
      read = { mtimeMs, keys: await readJwks(jwks), lists: statusLists };
    }
    return read;
  };
  return {
    keys: async () => (await current()).keys,
    async list(uri) {
      const { lists } = await current();
      if (Object.hasOwn(lists, uri)) return lists[uri]!;
      throw new RegistryError('status_stale', `The bundle was made before there was the status list ${uri}.`, {
        field: 'status',
        fix: 'Bring another one: muniment token bundle --out FILE.',
      });
    },
  };
}

const bundleSchema = z.looseObject({ jwks: z.unknown(), statusLists: z.record(z.string(), z.string()) });

function bundleOf(text: string): z.infer<typeof bundleSchema> {
  try {
    return bundleSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new RegistryError('configuration_invalid', 'There is no bundle of keys and status lists in its place.', {
      field: 'bundle',
      fix: 'Make one: muniment token bundle --out FILE.',
      cause,
    });
  }
}

async function keysAt(url: string): Promise<VerificationKeys> {
  const text = await textOf(url);
  try {
    return await readJwks(JSON.parse(text));
  } catch (cause) {
    throw new RegistryError('unreachable', `${url} answers with no key set.`, { cause });
  }
}

async function textOf(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    if (!response.ok) throw new Error(`It answered ${response.status}.`);
    return fromUtf8(await atMost(response, MAX_ANSWER));
  } catch (cause) {
    throw new RegistryError('unreachable', `${url} cannot be reached.`, { cause });
  }
}

const foreign = (uri: string): RegistryError =>
  new RegistryError('status_list_invalid', `The status list ${uri} is not one of this registry.`, { field: 'status' });
