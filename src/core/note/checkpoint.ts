/**
 * Checkpoints, C2SP `tlog-checkpoint`: the text of a signed note that says how large a log is and what its root is.
 *
 *     example.com/log
 *     20852163
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 * Lines after the third are extensions, signed but without meaning here. The origin decides whose tree it is: neither
 * another log's checkpoint, nor one that another log or only witnesses signed in this log's name, may pass. So
 * `openCheckpoint` is told the origin, and wants the signature of a log key that bears it as its name.
 */
import { fromBase64, toBase64 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import { HASH_SIZE, isSize } from '../merkle/tree.ts';
import type { NoteVerifier, VerifiedSignature } from './note.ts';
import { ED25519, openNote } from './note.ts';
import { hasControl } from './verifier-key.ts';

export interface Checkpoint {
  /** The log's name, one line that is not empty. */
  origin: string;
  /** Number of entries. */
  size: number;
  /** 32 bytes. */
  root: Uint8Array;
  /** Lines that are not empty; none in checkpoints that Muniment makes. */
  extensions: readonly string[];
}

/** A checkpoint to be written, which may leave the extensions out. */
export type CheckpointBody = Omit<Checkpoint, 'extensions'> & Partial<Pick<Checkpoint, 'extensions'>>;

export interface OpenedCheckpoint {
  checkpoint: Checkpoint;
  /** The signed text. */
  text: string;
  verified: readonly VerifiedSignature[];
}

/**
 * The text to sign, newline at the end.
 * @throws RegistryError `malformed_note` for an origin, size, root or extension that no checkpoint can carry
 */
export function formatCheckpoint({ origin, size, root, extensions = [] }: CheckpointBody): string {
  for (const line of [origin, ...extensions]) {
    if (line === '' || !line.isWellFormed() || hasControl(line)) {
      throw malformed('has an origin or extension that is not one line of text');
    }
  }
  if (!isSize(size)) throw malformed('has a size that is not a count below 2^53');
  if (root.length !== HASH_SIZE) throw malformed(`has a root of ${root.length} bytes, not ${HASH_SIZE}`);
  return `${[origin, size, toBase64(root), ...extensions].join('\n')}\n`;
}

/**
 * The exact inverse of `formatCheckpoint`.
 * @throws RegistryError `malformed_note`
 */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw malformed('does not end in a newline');
  const [origin, size, root, ...extensions] = lines;
  if (origin === undefined || size === undefined || root === undefined) throw malformed('has fewer than three lines');
  if (!/^(?:0|[1-9]\d{0,15})$/.test(size)) throw malformed('has a size that is not a decimal without leading zeroes');
  const checkpoint = { origin, size: Number(size), root: rootBytes(root), extensions };
  if (formatCheckpoint(checkpoint) !== text) throw malformed('is not in canonical form');
  return checkpoint;
}

/**
 * Opens a signed checkpoint of the log called `origin`.
 * @throws RegistryError as `openNote`; `malformed_note`; `checkpoint_untrusted` when it is of another log or
 * not signed by this one
 */
export async function openCheckpoint(
  note: string,
  origin: string,
  verifiers: readonly NoteVerifier[],
): Promise<OpenedCheckpoint> {
  const { text, verified } = await openNote(note, verifiers);
  const checkpoint = parseCheckpoint(text);
  if (checkpoint.origin !== origin) {
    throw new RegistryError('checkpoint_untrusted', `The checkpoint is of "${checkpoint.origin}", not of "${origin}".`);
  }
  if (!verified.some(({ verifier }) => verifier.algorithm === ED25519 && verifier.name === origin)) {
    throw new RegistryError('checkpoint_untrusted', `No key of "${origin}" itself has signed the checkpoint.`);
  }
  return { checkpoint, text, verified };
}

function rootBytes(base64: string): Uint8Array {
  try {
    return fromBase64(base64);
  } catch (cause) {
    throw malformed('has a root that is not canonical base64', cause);
  }
}

function malformed(why: string, cause?: unknown): RegistryError {
  return new RegistryError('malformed_note', `The checkpoint ${why}.`, { cause });
}
