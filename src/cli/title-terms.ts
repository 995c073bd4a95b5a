/** What an instrument is about, read strictly from what people type. */
import { RegistryError } from '../core/errors.ts';
import { formatShare, parseShare } from '../core/share.ts';
import { DEFAULT_QUORUMS, parseQuorum, quorumsSchema } from '../core/title/terms.ts';
import type { Quorums } from '../core/title/terms.ts';

/** @throws RegistryError `shares_invalid`, `share_too_fine` */
export const shareOf = (text: string): string => formatShare(parseShare(text, 'share'));

/**
 * Quorums as `TYPE=n/d`, each type once; of the others those that are agreed on already, or that hold without an agreement.
 * @throws RegistryError `usage`, `shares_invalid`, `share_too_fine`
 */
export function quorumsOf(texts: readonly string[], agreed: Quorums | null): Quorums {
  const types = Object.keys(quorumsSchema.shape) as (keyof Quorums)[];
  const named = new Map<string, string>();
  for (const text of texts) {
    const [, type, quorum] = /^([a-z-]+)=(.+)$/.exec(text) ?? [];
    if (type === undefined || quorum === undefined || !types.some((each) => each === type) || named.has(type)) {
      throw new RegistryError('usage', `"${text.slice(0, 80)}" names no quorum, or one that is named already.`, {
        field: 'quorum',
        fix: `Write TYPE=n/d, with one of ${types.join(', ')}.`,
      });
    }
    named.set(type, textOf(parseQuorum(quorum, 'quorum')));
  }
  const entries = types.map((type) => [type, named.get(type) ?? agreed?.[type] ?? textOf(DEFAULT_QUORUMS[type])]);
  return Object.fromEntries(entries) as Quorums;
}

const textOf = (share: ReturnType<typeof parseQuorum>): string => (share.num === 0n ? '0' : formatShare(share));
