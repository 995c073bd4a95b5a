/**
 * Who the log says it is: its origin, and the key that signs its checkpoints, from its first statement. The origin ends
 * in a fingerprint of that key, so neither can be exchanged alone. Whether this is the log that a reader means is not for
 * the database to tell: for that, a checkpoint that came another way is needed.
 */
import { toHex } from '../../core/bytes.ts';
import type { Sha256 } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { Checkpoint } from '../../core/note/checkpoint.ts';
import { openCheckpoint } from '../../core/note/checkpoint.ts';
import type { Ed25519Verify, NoteVerifier, VerifierKey } from '../../core/note/note.ts';
import { ED25519, ed25519Verifier, parseVerifierKey } from '../../core/note/note.ts';
import type { Spoken } from '../../core/registry/kind.ts';
import { log } from '../../core/registry/index.ts';

export interface LogIdentity {
  readonly origin: string;
  /** The key that the log began with, then those that the table of its keys names; fsck holds that table, too. */
  readonly verifiers: readonly NoteVerifier[];
}

/** @returns the identity, or the sentence that says why there is none */
export function identify(
  sha256: Sha256,
  verify: Ed25519Verify,
  first: Spoken | undefined,
  others: readonly string[],
): LogIdentity | string {
  if (first === undefined) return 'The first statement of the log cannot be read.';
  if (first.kind.kind !== log.kind) {
    return `The first statement is of the kind "${first.kind.kind}" and does not introduce the log.`;
  }
  const { origin } = first.common;
  const { verifierKey } = first.body as { verifierKey: string };
  try {
    const key = parseVerifierKey(sha256, verifierKey);
    if (key.name !== origin) return `The first statement introduces the log "${key.name}", not "${origin}".`;
    const fingerprint = origin.slice(origin.lastIndexOf('/') + 1);
    if (fingerprint === '' || !toHex(sha256(key.publicKey)).startsWith(fingerprint)) {
      return `The origin "${origin}" does not end in the fingerprint of its key.`;
    }
    const verifiers = [key, ...laterKeys(sha256, origin, verifierKey, others)];
    return { origin, verifiers: verifiers.map((each) => ed25519Verifier(sha256, each, verify)) };
  } catch (error) {
    return sentence(error);
  }
}

/** A row that is no key of this log is found where the table is held against the statements. */
function laterKeys(sha256: Sha256, origin: string, first: string, texts: readonly string[]): VerifierKey[] {
  return texts.flatMap((text) => {
    if (text === first) return [];
    try {
      const key = parseVerifierKey(sha256, text);
      return key.name === origin && key.algorithm === ED25519 ? [key] : [];
    } catch (error) {
      if (error instanceof RegistryError) return [];
      throw error;
    }
  });
}

/** @returns the checkpoint in a note of this log, or the sentence that says why there is none */
export async function open(identity: LogIdentity, note: string): Promise<Checkpoint | string> {
  try {
    return (await openCheckpoint(note, identity.origin, identity.verifiers)).checkpoint;
  } catch (error) {
    return sentence(error);
  }
}

function sentence(error: unknown): string {
  if (error instanceof RegistryError) return error.message;
  throw error;
}
