/**
 * Title at any moment, of two times: who owned on a day, as was known when the log had so many entries. An instrument
 * counts from its effective date on once it is in force on record. Nobody can dispose from before their own title, so at
 * every pair of times no share is negative and all of them add up to one.
 */
import { RegistryError } from '../errors.ts';
import type { InstrumentBody } from '../registry/instrument.ts';
import type { Share } from '../share.ts';
import { add, compare, formatShare, NOTHING, parseShare, subtract } from '../share.ts';

/** The statement that put the asset on record. */
export interface Root {
  readonly owners: readonly { readonly party: string; readonly share: string }[];
  /** `YYYY-MM-DD` */
  readonly effectiveFrom: string;
  readonly index: number;
}

/** What passed from one party to another by an instrument in force. */
export interface Transfer {
  readonly instrument: string;
  readonly from: string;
  readonly to: string;
  readonly share: string;
  readonly effectiveFrom: string;
  /** The place of the statement that brought it into force */
  readonly index: number;
}

/** What an instrument passes on, once it is in force by the statement at the index. */
export function transfersOf(
  { id, maker, counterparties, terms, effectiveFrom }: InstrumentBody & { readonly id: string; readonly maker: string },
  index: number,
): Transfer[] {
  const of = { instrument: id, effectiveFrom, index };
  if (terms.type === 'assignment') return [{ ...of, from: maker, to: counterparties[0]!, share: terms.share }];
  if (terms.type !== 'transmission') return [];
  return terms.shares.map(({ party, share }) => ({ ...of, from: terms.predecessor, to: party, share }));
}

export interface Moment {
  /** `YYYY-MM-DD` */
  readonly effective: string;
  /** Of the log: entries from this index on are not known yet */
  readonly known: number;
}

export interface Owned {
  readonly party: string;
  readonly share: string;
  /** What made the share more than nothing, and what changed it last; an instrument, or null for the first record */
  readonly since: Change;
  readonly changed: Change;
}

export interface Change {
  readonly instrument: string | null;
  readonly effectiveFrom: string;
  readonly index: number;
}

/**
 * @param transfers in the order of the log
 * @returns the owners, the largest share first; nobody before the asset was on record
 * @throws RegistryError `ledger_inconsistent` where a transfer takes more than there is
 */
export function titleAt(root: Root, transfers: readonly Transfer[], moment: Moment): Owned[] {
  if (!counts(root, moment)) return [];
  const first: Change = { instrument: null, effectiveFrom: root.effectiveFrom, index: root.index };
  const held = new Map<string, { share: Share; since: Change; changed: Change }>(
    root.owners.map(({ party, share }) => [party, { share: parseShare(share), since: first, changed: first }]),
  );
  for (const transfer of transfers) {
    if (!counts(transfer, moment)) continue;
    const { instrument, from, to, share, effectiveFrom, index } = transfer;
    const change = { instrument, effectiveFrom, index };
    const moved = parseShare(share);
    const given = held.get(from);
    if (given === undefined || compare(given.share, moved) < 0) {
      throw new RegistryError('ledger_inconsistent', `${instrument} takes more from ${from} than it holds.`);
    }
    held.set(from, { ...given, share: subtract(given.share, moved), changed: change });
    const had = held.get(to);
    const since = had === undefined || had.share.num === 0n ? change : had.since;
    held.set(to, { share: add(had?.share ?? NOTHING, moved), since, changed: change });
  }
  return [...held]
    .filter(([, { share }]) => share.num > 0n)
    .sort(([a, { share: left }], [b, { share: right }]) => compare(right, left) || (a < b ? -1 : 1))
    .map(([party, { share, since, changed }]) => ({ party, share: formatShare(share), since, changed }));
}

/** What one party held; of the transfers those that it gave or got are enough. */
export function shareAt(root: Root, transfers: readonly Transfer[], party: string, moment: Moment): Share {
  if (!counts(root, moment)) return NOTHING;
  const own = root.owners.find((owner) => owner.party === party);
  return transfers
    .filter((transfer) => counts(transfer, moment))
    .reduce(
      (share, { to, share: moved }) => (to === party ? add : subtract)(share, parseShare(moved)),
      own === undefined ? NOTHING : parseShare(own.share),
    );
}

/** Whether a record was known then, and had effect. */
export const counts = (record: Pick<Root, 'effectiveFrom' | 'index'>, { effective, known }: Moment): boolean =>
  record.index < known && record.effectiveFrom <= effective;
