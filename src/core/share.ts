/**
 * Shares of title: exact fractions, written `n/d` in lowest terms. No floating point anywhere, and a bounded
 * denominator, so that a long chain of splits cannot make the numbers explode.
 */
import { RegistryError } from './errors.ts';

export interface Share {
  readonly num: bigint;
  readonly den: bigint;
}

export const MAX_DENOMINATOR = 1_000_000n;

/**
 * @param text `n/d` in lowest terms, `0 < n ≤ d ≤ 1,000,000`; `1` is short for `1/1`
 * @throws RegistryError `shares_invalid`, `share_too_fine`
 */
export function parseShare(text: string, field?: string): Share {
  const match = /^([1-9]\d{0,15})(?:\/([1-9]\d{0,15}))?$/.exec(text);
  const at = field === undefined ? {} : { field };
  if (!match) {
    throw new RegistryError('shares_invalid', `"${text.slice(0, 40)}" is not a share.`, {
      ...at,
      fix: 'Write a fraction such as "1/2".',
    });
  }
  const [num, den] = [BigInt(match[1] ?? ''), BigInt(match[2] ?? '1')];
  if (num > den) throw new RegistryError('shares_invalid', `The share ${text} is larger than the whole.`, at);
  if (gcd(num, den) !== 1n) {
    throw new RegistryError('shares_invalid', `The share ${text} is not in lowest terms.`, {
      ...at,
      fix: `Write it as "${formatShare(reduce({ num, den }))}".`,
    });
  }
  if (den > MAX_DENOMINATOR) {
    throw new RegistryError('share_too_fine', `The share ${text} is finer than 1/${MAX_DENOMINATOR}.`, at);
  }
  return { num, den };
}

export const formatShare = ({ num, den }: Share): string => `${num}/${den}`;

/** @throws RegistryError `shares_invalid` unless the shares add up to exactly one and name each party once */
export function requireWhole(owners: readonly { party: string; share: string }[], field = 'owners'): void {
  const seen = new Set<string>();
  let sum: Share = { num: 0n, den: 1n };
  for (const [i, { party, share }] of owners.entries()) {
    if (seen.has(party)) {
      throw new RegistryError('shares_invalid', `The party ${party} is named twice among the owners.`, { field });
    }
    seen.add(party);
    sum = add(sum, parseShare(share, `${field}.${i}.share`));
  }
  if (sum.num !== sum.den) {
    throw new RegistryError('shares_invalid', `The owners' shares add up to ${formatShare(sum)}, not to 1.`, {
      field,
      fix: 'State every owner with a share such that the shares add up to exactly 1.',
    });
  }
}

export function add(a: Share, b: Share): Share {
  return reduce({ num: a.num * b.den + b.num * a.den, den: a.den * b.den });
}

function reduce({ num, den }: Share): Share {
  const divisor = gcd(num, den);
  return divisor === 0n ? { num, den } : { num: num / divisor, den: den / divisor };
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}
