/**
 * A log that follows another one. When the end of a log is lost or its key has leaked, it cannot be continued: a new one
 * begins, and its first entry names the last known head of the old one. To whoever trusted the old one that is a claim
 * of the new one's, and no more: anybody can name anybody's head. But it can be held against the newest state that the
 * reader saw of the old log, and a successor that forgets some of that is found out.
 */
import { fromHex, equalBytes } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { Checkpoint } from '../note/checkpoint.ts';
import type { LogBody } from '../registry/log.ts';

export type Previous = NonNullable<LogBody['previous']>;

/**
 * @param kept the newest state that the reader saw of the old log, if any
 * @returns what the claim is worth: it names the very state, or a later one, or the reader has none to compare
 * @throws RegistryError `checkpoint_rolled_back` for a successor of less than was seen, `proof_invalid` for one of
 * another log of that size
 */
export function judgeSuccession(
  origin: string,
  previous: Previous,
  kept: Pick<Checkpoint, 'root' | 'size'> | undefined,
): 'later' | 'same' | 'unseen' {
  if (kept === undefined) return 'unseen';
  if (previous.size > kept.size) return 'later';
  const root = fromHex(previous.root.slice('sha256:'.length));
  if (previous.size < kept.size) {
    throw new RegistryError(
      'checkpoint_rolled_back',
      `The log "${origin}" says that it follows "${previous.origin}" at ${previous.size} entries; you have seen that one ` +
        `with ${kept.size}.`,
    );
  }
  if (equalBytes(root, kept.root)) return 'same';
  throw new RegistryError(
    'proof_invalid',
    `The log "${origin}" says that it follows "${previous.origin}", and names another state of ${previous.size} entries ` +
      'than the one that you have seen.',
  );
}
