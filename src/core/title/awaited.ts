/**
 * What an open offer waits for, by what is told of its asset. It tells people what to do; whether an instrument is in force
 * is judged where a statement about it is recorded.
 */
import { quorumOf } from '../registry/in-force.ts';
import type { InstrumentBody } from '../registry/instrument.ts';
import { uncovered } from '../registry/title.ts';
import { add, compare, formatShare, NOTHING, parseShare, subtract } from '../share.ts';
import type { Quorums, ShareTerms } from './terms.ts';
import { needsAcceptance } from './terms.ts';

export interface OpenOffer extends Pick<InstrumentBody, 'counterparties' | 'terms'> {
  readonly maker: string;
  readonly accepted: readonly string[];
  readonly consented: readonly string[];
}

export interface AssetTold {
  readonly owners: readonly { readonly party: string; readonly share: string }[];
  /** In log order */
  readonly interests: readonly {
    readonly instrument: string;
    readonly grantor: string;
    readonly holder: string;
    readonly terms: object;
  }[];
  readonly quorums: Quorums | null;
}

export interface Awaited {
  /** Who has to accept */
  readonly acceptance: readonly string[];
  /** Which share of the owners' consents is missing; null where the quorum is met */
  readonly share: string | null;
  /** Owners who have not agreed, where a share is missing */
  readonly owners: readonly string[];
  /** Holders of interests that the instrument would end */
  readonly holders: readonly string[];
}

export function awaitedBy(offer: OpenOffer, { owners, interests, quorums }: AssetTold): Awaited {
  const { terms, maker, accepted, consented } = offer;
  const accepting = needsAcceptance(terms.type) ? offer.counterparties : [];
  // Whoever is asked to accept agrees by that.
  const agreed = new Set([maker, ...accepting, ...consented]);
  const sum = owners
    .filter(({ party }) => agreed.has(party))
    .reduce((sum, { share }) => add(sum, parseShare(share)), NOTHING);
  const short = subtract(quorumOf(terms, quorums), sum);
  const isShort = compare(short, NOTHING) > 0;
  const holders = endedBy(offer, owners, interests).map(({ holder }) => holder);
  return {
    acceptance: accepting.filter((party) => !accepted.includes(party)),
    share: isShort ? formatShare(short) : null,
    owners: isShort ? owners.map(({ party }) => party).filter((party) => !agreed.has(party)) : [],
    holders: [...new Set(holders)].filter((holder) => !agreed.has(holder)),
  };
}

/** Interests on the assignor's share that what remains of it does not cover. */
function endedBy({ terms, maker }: OpenOffer, owners: AssetTold['owners'], interests: AssetTold['interests']) {
  if (terms.type !== 'assignment') return [];
  const own = owners.find(({ party }) => party === maker);
  if (own === undefined) return [];
  const resting = interests.flatMap(({ instrument, grantor, holder, terms: on }) => {
    if (grantor !== maker || instrument === terms.under || !('share' in on)) return [];
    const { num, den } = parseShare((on as ShareTerms).share);
    return [{ holder, shareNum: Number(num), shareDen: Number(den) }];
  });
  return uncovered(resting, subtract(parseShare(own.share), parseShare(terms.share)));
}
