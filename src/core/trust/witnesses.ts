/**
 * Log witnesses as a reader counts them. A witness is worth something because somebody else than the log's operator runs
 * it: a log that shows two people two trees needs the help of every witness that both of them ask for. So operators are
 * counted, never keys, and the log's own operator counts for nothing, however many witnesses it runs.
 *
 * Who runs a witness is told by whoever wrote the list, and by nobody in a note. What can be checked is checked: no key
 * stands in a list twice under two names, none is the log's own, and the quorum can be reached at all.
 */
import { z } from 'zod';
import { equalBytes } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { parseCosignature } from '../note/cosignature.ts';
import type { VerifiedSignature } from '../note/note.ts';
import type { VerifierKey } from '../note/verifier-key.ts';
import { COSIGNATURE, parseVerifierKey } from '../note/verifier-key.ts';

/** A note has 16 signatures at most, of which two are the log's while its key is being replaced. */
export const MAX_WITNESSES = 14;

export const operatorSchema = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .describe('Who runs it: a name, the same wherever it is meant');

export const witnessSchema = z.strictObject({
  verifierKey: z.string().max(400).describe('C2SP signed-note verifier key of type 04'),
  operator: operatorSchema,
});

/** How many operators beside the log's own must have cosigned. */
export const quorumSchema = z.int().min(0).max(MAX_WITNESSES);

export interface Witnesses {
  /** Of the log. */
  readonly operator?: string | undefined;
  readonly witnesses: readonly z.infer<typeof witnessSchema>[];
  readonly quorum: number;
}

/** One cosignature that holds. */
export interface Witnessed {
  readonly name: string;
  readonly operator: string;
  /** Seconds since 1970, by the clock of the witness. */
  readonly time: number;
}

/** What the witnesses add to a checkpoint. */
export interface WitnessLevel {
  readonly witnesses: readonly Witnessed[];
  /** Distinct operators among them, the log's own left out. */
  readonly operators: number;
  readonly quorum: number;
  readonly met: boolean;
}

/**
 * Reads the keys of a list and judges whether it means anything.
 * @param logKey left out where the log's key is not known yet
 * @param under where the list stands, for the message
 * @returns in the order of the list
 * @throws RegistryError `configuration_invalid`
 */
export function readWitnesses(
  sha256: Sha256,
  { operator, witnesses, quorum }: Witnesses,
  logKey: VerifierKey | undefined,
  under = '',
): VerifierKey[] {
  const field = (path: string): string => (under === '' ? path : `${under}.${path}`);
  const keys = witnesses.map(({ verifierKey }, i) => readKey(sha256, verifierKey, field(`witnesses.${i}.verifierKey`)));
  for (const [i, key] of keys.entries()) {
    const at = field(`witnesses.${i}.verifierKey`);
    if (logKey !== undefined && equalBytes(key.publicKey, logKey.publicKey)) {
      throw wrong(`The witness "${key.name}" has the log's own key.`, at);
    }
    if (key.name === logKey?.name) throw wrong(`The witness "${key.name}" bears the log's own name.`, at);
    for (const other of keys.slice(0, i)) {
      if (other.name === key.name || equalBytes(other.publicKey, key.publicKey)) {
        throw wrong(`The witness "${key.name}" or its key stands in the list twice.`, at);
      }
    }
  }
  if (witnesses.length > 0 && operator === undefined) {
    throw wrong(
      'A log with witnesses needs the name of its own operator, whose witnesses do not count.',
      field('operator'),
    );
  }
  const reachable = countOperators(witnesses, operator);
  if (quorum > reachable) {
    throw wrong(`A quorum of ${quorum} cannot be met by ${reachable} operators beside the log's own.`, field('quorum'));
  }
  return keys;
}

/** @param verified the signatures on a checkpoint that hold, under keys that `readWitnesses` read */
export function witnessLevel(
  { operator, witnesses, quorum }: Witnesses,
  keys: readonly VerifierKey[],
  verified: readonly VerifiedSignature[],
): WitnessLevel {
  const cosigned = verified.flatMap(({ verifier, signature }): Witnessed[] => {
    const i = keys.findIndex(({ name }) => name === verifier.name);
    if (verifier.algorithm !== COSIGNATURE || i < 0) return [];
    return [{ name: verifier.name, operator: witnesses[i]!.operator, time: parseCosignature(signature).time }];
  });
  const operators = countOperators(cosigned, operator);
  return { witnesses: cosigned, operators, quorum, met: operators >= quorum };
}

/** Those of a list that count: every operator's but the log's own. */
export const countable = <W extends { operator: string }>(witnesses: readonly W[], own: string | undefined): W[] =>
  witnesses.filter(({ operator }) => own === undefined || spelled(operator) !== spelled(own));

function countOperators(some: readonly { operator: string }[], own: string | undefined): number {
  return new Set(countable(some, own).map(({ operator }) => spelled(operator))).size;
}

/** One operator in two spellings must not count as two. */
export const spelled = (operator: string): string =>
  operator.normalize('NFKC').toLowerCase().replaceAll(/\s+/gu, ' ').trim();

function readKey(sha256: Sha256, text: string, field: string): VerifierKey {
  let key: VerifierKey;
  try {
    key = parseVerifierKey(sha256, text);
  } catch (cause) {
    throw wrong('The verifier key of the witness cannot be read.', field, cause);
  }
  if (key.algorithm === COSIGNATURE) return key;
  throw wrong(`The key "${key.name}" is not one of a witness (type 04).`, field);
}

const wrong = (sentence: string, field: string, cause?: unknown): RegistryError =>
  new RegistryError('configuration_invalid', sentence, { field, cause });
