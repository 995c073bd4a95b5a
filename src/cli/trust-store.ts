/**
 * The trust file: which logs are believed, under which keys. It is worth what the way is worth by which a key came into
 * it, so a key that only the server itself vouched for is pinned by a person's decision, never silently.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { RegistryError } from '../core/errors.ts';
import { openCheckpoint } from '../core/note/checkpoint.ts';
import type { NoteVerifier } from '../core/note/note.ts';
import { ed25519Verifier } from '../core/note/note.ts';
import { parseVerifierKey } from '../core/note/verifier-key.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import { sha256, verifyEd25519 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context, LogView } from './context.ts';
import { writePrivate } from './profile.ts';

const trustSchema = z.strictObject({
  logs: z.array(z.strictObject({ origin: z.string().min(1), keys: z.array(z.string()).min(1) })),
});
export type Trust = z.infer<typeof trustSchema>;

/** @throws RegistryError `configuration_invalid`; a missing file trusts nobody */
export async function readTrust(path: string): Promise<Trust> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { logs: [] };
    throw new RegistryError('unreachable', `The trust file "${path}" cannot be read.`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RegistryError('configuration_invalid', `The trust file "${path}" is not JSON.`, { cause });
  }
  const read = trustSchema.safeParse(value);
  if (read.success) return read.data;
  throw zodProblem(read.error, 'configuration_invalid', 'trust');
}

/** The verifiers of a log's pinned keys; undefined where none is pinned. */
export async function findTrusted(path: string, origin: string): Promise<NoteVerifier[] | undefined> {
  const found = (await readTrust(path)).logs.find((log) => log.origin === origin);
  return found?.keys.map(verifierOf);
}

/**
 * Adds a key to the trust file. The key names its log itself.
 * @throws RegistryError `state_conflict` when another key is pinned for the log; `invalid_input` for no verifier key
 */
export async function pin(path: string, verifierKey: string): Promise<{ origin: string; added: boolean }> {
  const { name: origin } = parseVerifierKey(sha256, verifierKey);
  const trust = await readTrust(path);
  const known = trust.logs.find((log) => log.origin === origin);
  if (known?.keys.includes(verifierKey)) return { origin, added: false };
  if (known !== undefined) {
    throw new RegistryError('state_conflict', `Another key is pinned for "${origin}" already.`, {
      fix: `If its registrar confirms the change, remove the old key from "${path}" first.`,
    });
  }
  await writePrivate(path, `${JSON.stringify({ logs: [...trust.logs, { origin, keys: [verifierKey] }] }, null, 2)}\n`);
  return { origin, added: true };
}

/**
 * The key that the server itself shows, which must at least be the one that signs its checkpoints.
 * @throws RegistryError `checkpoint_untrusted`, `signature_invalid`
 */
export async function claimedKey(client: Client): Promise<LogView> {
  const [log, note] = await Promise.all([client.get<LogView>('/v1/log'), client.text('/checkpoint')]);
  await openCheckpoint(note, log.origin, [verifierOf(log.verifierKey)]);
  return log;
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

const verifierOf = (key: string): NoteVerifier => ed25519Verifier(sha256, parseVerifierKey(sha256, key), verifyEd25519);
