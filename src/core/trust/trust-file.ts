/**
 * The trust file: which logs a reader believes, the key that signs the checkpoints of each, and which witnesses must have
 * seen a checkpoint before it counts; and the roots of the timestamp authorities whose word on time counts.
 *
 *     {
 *       "version": 1,
 *       "logs": [{
 *         "origin": "example.com/5f0c…", "verifierKey": "example.com/5f0c…+8a3b91c7+AT…", "operator": "Example Registry",
 *         "witnesses": [{ "verifierKey": "witness.example/w1+aa4a09d1+BO…", "operator": "Someone Else" }], "quorum": 1
 *       }],
 *       "tsaRoots": ["MIIB…"]
 *     }
 *
 * It is worth what the way is worth by which a key came into it: a key that only the log itself showed proves nothing.
 * A key bears its log's name, so a file cannot believe one log under another's key; a name stands in it once, so nobody
 * adds a second key to a log that is believed already.
 */
import { z } from 'zod';
import { fromBase64 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { VerifierKey } from '../note/verifier-key.ts';
import { COSIGNATURE, ED25519, parseVerifierKey } from '../note/verifier-key.ts';
import { zodProblem } from '../statement/zod-problem.ts';
import type { Witnesses } from './witnesses.ts';
import { MAX_WITNESSES, operatorSchema, quorumSchema, readWitnesses, witnessSchema } from './witnesses.ts';

export const MAX_TRUSTED_LOGS = 1000;

export const trustFileSchema = z
  .strictObject({
    version: z.literal(1),
    logs: z
      .array(
        z.strictObject({
          origin: z.string().min(1).max(300).describe('Name of the log, the first line of its checkpoints'),
          verifierKey: z.string().max(400).describe('C2SP signed-note verifier key, which bears that name'),
          operator: operatorSchema.optional(),
          witnesses: z.array(witnessSchema).max(MAX_WITNESSES).optional(),
          quorum: quorumSchema
            .optional()
            .describe('Operators beside its own that must have cosigned; none when left out'),
          formerKeys: z
            .array(z.strictObject({ verifierKey: z.string().max(400), until: z.int().nonnegative() }))
            .max(100)
            .optional()
            .describe('Keys that were replaced; they count for checkpoints of at most `until` entries'),
          maxMapAgeSeconds: z
            .int()
            .positive()
            .optional()
            .describe('How old a map that proves absence may be while the log goes on; any age without it'),
        }),
      )
      .max(MAX_TRUSTED_LOGS),
    tsaRoots: z
      .array(z.string().max(20_000))
      .max(200)
      .optional()
      .describe('Root certificates of timestamp authorities, DER in base64'),
  })
  .meta({ id: 'TrustFile', description: 'The logs that a reader believes' });

export type Trust = z.infer<typeof trustFileSchema>;
export type TrustedLog = Trust['logs'][number];

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
  for (const [i, log] of read.data.logs.entries()) {
    const { origin, verifierKey, formerKeys = [] } = log;
    for (const [j, text] of [verifierKey, ...formerKeys.map((former) => former.verifierKey)].entries()) {
      const field = j === 0 ? `logs.${i}.verifierKey` : `logs.${i}.formerKeys.${j - 1}.verifierKey`;
      const key = logKey(sha256, text, field);
      if (key.name !== origin) throw wrong(`The key is for the log "${key.name}", not for "${origin}".`, field);
      readWitnesses(sha256, witnessesOf(log), key, `logs.${i}`);
    }
    if (seen.has(origin)) throw wrong(`The log "${origin}" stands in the trust file twice.`, `logs.${i}.origin`);
    seen.add(origin);
  }
  for (const [i, root] of (read.data.tsaRoots ?? []).entries()) requireBase64(root, `tsaRoots.${i}`);
  return read.data;
}

/** The inverse of `parseTrust`, as text that people can read. */
export const formatTrust = (trust: Trust): string => `${JSON.stringify(trust, null, 2)}\n`;

export const witnessesOf = ({ operator, witnesses = [], quorum = 0 }: TrustedLog): Witnesses => ({
  operator,
  witnesses,
  quorum,
});

/** What a person adds with a key. */
export interface TrustOptions {
  readonly operator?: string | undefined;
  readonly quorum?: number | undefined;
}

/**
 * The trust file with one more log, or with what was not known of it before; unchanged when it holds all that already.
 * @throws RegistryError `state_conflict` when the log is believed under another key, `configuration_invalid`
 */
export function addTrust(sha256: Sha256, trust: Trust, verifierKey: string, options: TrustOptions = {}): Trust {
  const { name: origin } = logKey(sha256, verifierKey, 'verifierKey');
  const known = trust.logs.find((log) => log.origin === origin);
  if (known === undefined) return replace(sha256, trust, { origin, verifierKey, ...given(options) });
  if (known.verifierKey === verifierKey) return replace(sha256, trust, { ...known, ...given(options) });
  throw new RegistryError('state_conflict', `The log "${origin}" is trusted under another key already.`, {
    field: 'verifierKey',
    fix: 'If the registrar confirms the change another way, take the old key out of the trust file first.',
  });
}

/**
 * The trust file with more roots of timestamp authorities; unchanged when it holds them all.
 * @param roots DER in base64
 */
export function addTsaRoots(trust: Trust, roots: readonly string[]): Trust {
  const known = trust.tsaRoots ?? [];
  const more = roots.filter((root) => !known.includes(root));
  return more.length === 0 ? trust : { ...trust, tsaRoots: [...known, ...more] };
}

/**
 * The trust file after a change of keys that was proved: the key before it counts for what it signed until then. What
 * is asked of the log's witnesses stays.
 * @param until index of the entry that retired the key before
 * @throws RegistryError `configuration_invalid` for a key of another log, or of one of its witnesses
 */
export function replaceKey(sha256: Sha256, trust: Trust, origin: string, verifierKey: string, until: number): Trust {
  if (logKey(sha256, verifierKey, 'verifierKey').name !== origin) {
    throw wrong(`The key is not for the log "${origin}".`, 'verifierKey');
  }
  const log = trust.logs.find((each) => each.origin === origin);
  if (log === undefined) return trust;
  const formerKeys = [...(log.formerKeys ?? []), { verifierKey: log.verifierKey, until }];
  return replace(sha256, trust, { ...log, verifierKey, formerKeys });
}

/** That it is a certificate is judged where it is used: reading it takes a parser that few commands need. */
function requireBase64(root: string, field: string): void {
  try {
    fromBase64(root);
  } catch (cause) {
    throw wrong('A root of timestamp authorities is not base64.', field, cause);
  }
}

/**
 * The trust file with one more witness of a log that it holds already.
 * @throws RegistryError `not_found` for a log that is not trusted, `state_conflict` for a witness that is known under
 * another key or operator, `configuration_invalid`
 */
export function addWitness(
  sha256: Sha256,
  trust: Trust,
  origin: string,
  witness: { verifierKey: string; operator: string },
  quorum?: number,
): Trust {
  const log = trust.logs.find((each) => each.origin === origin);
  if (log === undefined) {
    throw new RegistryError('not_found', `The log "${origin}" is not in the trust file.`, {
      field: 'log',
      fix: 'Add the key of the log first.',
    });
  }
  const { witnesses = [] } = log;
  const name = nameOf(sha256, witness.verifierKey, 'verifierKey');
  const known = witnesses.find(({ verifierKey }) => nameOf(sha256, verifierKey, 'verifierKey') === name);
  if (known !== undefined && (known.verifierKey !== witness.verifierKey || known.operator !== witness.operator)) {
    throw new RegistryError(
      'state_conflict',
      `The witness "${name}" is trusted under another key or operator already.`,
      {
        field: 'verifierKey',
        fix: 'Take it out of the trust file first.',
      },
    );
  }
  const more = known === undefined ? [...witnesses, witness] : witnesses;
  return replace(sha256, trust, { ...log, witnesses: more, ...given({ quorum }) });
}

/** Whether a verifier key is one of a witness, rather than of a log. @throws RegistryError `configuration_invalid` */
export const isWitnessKey = (sha256: Sha256, verifierKey: string): boolean =>
  readKey(sha256, verifierKey, 'verifierKey').algorithm === COSIGNATURE;

function replace(sha256: Sha256, trust: Trust, log: TrustedLog): Trust {
  readWitnesses(sha256, witnessesOf(log), logKey(sha256, log.verifierKey, 'verifierKey'));
  const at = trust.logs.findIndex(({ origin }) => origin === log.origin);
  if (at < 0) return { ...trust, logs: [...trust.logs, log] };
  return JSON.stringify(trust.logs[at]) === JSON.stringify(log) ? trust : { ...trust, logs: trust.logs.with(at, log) };
}

const given = ({ operator, quorum }: TrustOptions): TrustOptions => ({
  ...(operator === undefined ? {} : { operator }),
  ...(quorum === undefined ? {} : { quorum }),
});

/** The name alone would let a witness of that name speak for the log. */
function logKey(sha256: Sha256, verifierKey: string, field: string): VerifierKey {
  const key = readKey(sha256, verifierKey, field);
  if (key.algorithm === ED25519) return key;
  throw wrong(`The key "${key.name}" is one of a witness, not of a log.`, field);
}

const nameOf = (sha256: Sha256, verifierKey: string, field: string): string => readKey(sha256, verifierKey, field).name;

function readKey(sha256: Sha256, verifierKey: string, field: string): VerifierKey {
  try {
    return parseVerifierKey(sha256, verifierKey);
  } catch (cause) {
    throw wrong('The verifier key cannot be read.', field, cause);
  }
}

const wrong = (sentence: string, field: string, cause?: unknown): RegistryError =>
  new RegistryError('configuration_invalid', sentence, { field, cause });
