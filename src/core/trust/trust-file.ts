/**
 * The trust file: which logs a reader believes, and the key that signs the checkpoints of each.
 *
 *     {
 *       "version": 1,
 *       "logs": [{ "origin": "example.org/5f0c…", "verifierKey": "example.org/5f0c…+8a3b91c7+AT…" }]
 *     }
 *
 * It is worth what the way is worth by which a key came into it: a key that only the log itself showed proves nothing.
 * A key bears its log's name, so a file cannot believe one log under another's key; a name stands in it once, so nobody
 * adds a second key to a log that is believed already.
 */
import { z } from 'zod';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { parseVerifierKey } from '../note/verifier-key.ts';
import { zodProblem } from '../statement/zod-problem.ts';

export const MAX_TRUSTED_LOGS = 1000;

export const trustFileSchema = z
  .strictObject({
    version: z.literal(1),
    logs: z
      .array(
        z.strictObject({
          origin: z.string().min(1).max(300).describe('Name of the log, the first line of its checkpoints'),
          verifierKey: z.string().max(400).describe('C2SP signed-note verifier key, which bears that name'),
        }),
      )
      .max(MAX_TRUSTED_LOGS),
  })
  .meta({ id: 'TrustFile', description: 'The logs that a reader believes' });

export type Trust = z.infer<typeof trustFileSchema>;

/** Believes nobody; what a reader without a trust file has. */
export const NO_TRUST: Trust = { version: 1, logs: [] };

/** @throws RegistryError `configuration_invalid`, with the member that is wrong */
export function parseTrust(sha256: Sha256, text: string): Trust {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RegistryError('configuration_invalid', 'The trust file is not JSON.', { cause });
  }
  const read = trustFileSchema.safeParse(value);
  if (!read.success) throw zodProblem(read.error, 'configuration_invalid');
  const seen = new Set<string>();
  for (const [i, { origin, verifierKey }] of read.data.logs.entries()) {
    const field = `logs.${i}.verifierKey`;
    const name = nameOf(sha256, verifierKey, field);
    if (name !== origin) throw wrong(`The key is for the log "${name}", not for "${origin}".`, field);
    if (seen.has(origin)) throw wrong(`The log "${origin}" stands in the trust file twice.`, `logs.${i}.origin`);
    seen.add(origin);
  }
  return read.data;
}

/** The inverse of `parseTrust`, as text that people can read. */
export const formatTrust = (trust: Trust): string => `${JSON.stringify(trust, null, 2)}\n`;

/**
 * The trust file with one more log; unchanged when it holds that key already.
 * @throws RegistryError `state_conflict` when the log is believed under another key, `configuration_invalid`
 */
export function addTrust(sha256: Sha256, trust: Trust, verifierKey: string): Trust {
  const origin = nameOf(sha256, verifierKey, 'verifierKey');
  const known = trust.logs.find((log) => log.origin === origin);
  if (known === undefined) return { ...trust, logs: [...trust.logs, { origin, verifierKey }] };
  if (known.verifierKey === verifierKey) return trust;
  throw new RegistryError('state_conflict', `The log "${origin}" is trusted under another key already.`, {
    field: 'verifierKey',
    fix: 'If the registrar confirms the change another way, take the old key out of the trust file first.',
  });
}

function nameOf(sha256: Sha256, verifierKey: string, field: string): string {
  try {
    return parseVerifierKey(sha256, verifierKey).name;
  } catch (cause) {
    throw wrong('The verifier key cannot be read.', field, cause);
  }
}

const wrong = (sentence: string, field: string, cause?: unknown): RegistryError =>
  new RegistryError('configuration_invalid', sentence, { field, cause });
