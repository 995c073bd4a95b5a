/**
 * The trust file: which logs are believed, under which keys. It is worth what the way is worth by which a key came into
 * it, so a key that only the server itself vouched for is pinned by a person's decision, never silently.
 */
import { readFile } from 'node:fs/promises';
import { RegistryError } from '../core/errors.ts';
import { parseVerifierKey } from '../core/note/verifier-key.ts';
import type { Trust } from '../core/trust/index.ts';
import {
  addTrust,
  addWitness,
  formatTrust,
  NO_TRUST,
  parseTrust,
  PROVED,
  verifyCheckpoint,
} from '../core/trust/index.ts';
import { sha256, verifyEd25519 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context, LogView } from './context.ts';
import { writePrivate } from './profile.ts';

/**
 * @param options named: somebody asked for this very file, so it must be there; any other that is missing trusts nobody
 * @throws RegistryError `unreachable`, `configuration_invalid`
 */
export async function readTrust(path: string, { named = false } = {}): Promise<Trust> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT' && !named) return NO_TRUST;
    throw new RegistryError('unreachable', `The trust file "${path}" cannot be read.`, {
      field: 'trust',
      fix: 'Check its name; "muniment trust add KEY --trust FILE" makes one.',
      cause,
    });
  }
  return parseTrust(sha256, text);
}

/** What a command judges by. @throws RegistryError `unreachable`, `configuration_invalid` */
export async function trustOf(context: Context): Promise<Trust> {
  const { trustFile, trustNamed } = await context.settings();
  return readTrust(trustFile, { named: trustNamed });
}

/**
 * Adds a log's key to the trust file. The key names its log itself.
 * @throws RegistryError `state_conflict` when another key is pinned for the log; `configuration_invalid`
 */
export async function pin(
  path: string,
  verifierKey: string,
  options: { operator?: string | undefined; quorum?: number | undefined } = {},
): Promise<{ origin: string; added: boolean }> {
  const { name: origin } = parseVerifierKey(sha256, verifierKey);
  return { origin, added: await change(path, (trust) => addTrust(sha256, trust, verifierKey, options)) };
}

/**
 * Adds a witness of a log to the trust file.
 * @throws RegistryError `not_found` for a log that is not trusted, `state_conflict`, `configuration_invalid`
 */
export const pinWitness = (
  path: string,
  origin: string,
  witness: { verifierKey: string; operator: string },
  quorum: number | undefined,
): Promise<boolean> => change(path, (trust) => addWitness(sha256, trust, origin, witness, quorum));

/** @returns whether anything changed */
async function change(path: string, more: (trust: Trust) => Trust): Promise<boolean> {
  const trust = await readTrust(path);
  const changed = more(trust);
  if (changed === trust) return false;
  await writePrivate(path, formatTrust(changed));
  return true;
}

/**
 * The key that the server itself shows, which must at least be the one that signs its checkpoints.
 * @throws RegistryError `checkpoint_untrusted`, `signature_invalid`
 */
export async function claimedKey(client: Client): Promise<LogView> {
  const [log, note] = await Promise.all([client.get<LogView>('/v1/log'), client.text('/checkpoint')]);
  const { verdict } = await verifyCheckpoint(
    { sha256, verifyEd25519 },
    note,
    addTrust(sha256, NO_TRUST, log.verifierKey),
  );
  if (verdict === PROVED) return log;
  throw new RegistryError('checkpoint_untrusted', 'The server shows the key of one log and the checkpoint of another.');
}

/** Asks a person at a terminal on first use of a log. @returns whether its key is pinned now */
export async function offerToPin(context: Context, client: Client, origin: string): Promise<boolean> {
  const { ask } = context.io;
  const { trustFile, url } = await context.settings();
  if (ask === undefined || context.json) return false;
  const log = await claimedKey(client);
  if (log.origin !== origin) return false;
  const answer = await ask(
    `You have not used the registry at ${url} before. It signs its proofs with this key:\n\n  ${log.verifierKey}\n\n` +
      'Compare it with what the registrar published elsewhere. Accept its proofs from now on? [y/N] ',
  );
  if (!/^y(?:es)?$/i.test(answer)) return false;
  await pin(trustFile, log.verifierKey);
  return true;
}
