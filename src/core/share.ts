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
  let sum = NOTHING;
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

export const NOTHING: Share = { num: 0n, den: 1n };
export const WHOLE: Share = { num: 1n, den: 1n };

export function add(a: Share, b: Share): Share {
  return reduce({ num: a.num * b.den + b.num * a.den, den: a.den * b.den });
}

/** May be negative. */
export const subtract = (a: Share, b: Share): Share => add(a, { num: -b.num, den: b.den });

/** Negative where `a` is the smaller one, positive where it is the larger one. */
export function compare(a: Share, b: Share): number {
  const [left, right] = [a.num * b.den, b.num * a.den];
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * What both sides hold after `moved` passed from one to the other.
 * @throws RegistryError `share_insufficient`, `share_too_fine` with the nearest share that keeps both within the bound
 */
export function move(moved: Share, from: Share, to: Share, field = 'terms.share'): { from: Share; to: Share } {
  if (compare(moved, from) > 0) {
    throw new RegistryError(
      'share_insufficient',
      `A share of ${formatShare(moved)} cannot pass from who holds ${formatShare(from)}.`,
      { field, fix: 'Read the title again, and offer no more than is held.' },
    );
  }
  const after = { from: subtract(from, moved), to: add(to, moved) };
  if (isFineEnough(after)) return after;
  const nearest = nearestThatFits(moved, from, to);
  throw new RegistryError(
    'share_too_fine',
    `After ${formatShare(moved)} has passed, a share would be finer than 1/${MAX_DENOMINATOR}.`,
    { field, ...(nearest === undefined ? {} : { fix: `The nearest share that fits is ${formatShare(nearest)}.` }) },
  );
}

/**
 * A share divided by portions that add up to one, each part to whoever holds something already. Where a part, or what
 * somebody then holds, would be finer than the bound, all parts are rounded to the finest common unit, the largest
 * remainders up and earlier ones first, so that they still add up to the share.
 * @throws RegistryError `share_too_fine` where not even that fits
 */
export function divide(share: Share, among: readonly { readonly portion: Share; readonly held: Share }[]): Share[] {
  const exact = among.map(({ portion }) => multiply(share, portion));
  const fits = exact.every((part, i) => [part, add(part, among[i]!.held)].every(({ den }) => den <= MAX_DENOMINATOR));
  if (fits) return exact;
  const common = among.reduce((den, { held }) => (den / gcd(den, held.den)) * held.den, share.den);
  const unit = common * (MAX_DENOMINATOR / common);
  if (unit === 0n) {
    throw new RegistryError('share_too_fine', `No parts of ${formatShare(share)} fit what their receivers hold.`, {
      fix: 'Let a receiver assign some of its share first, so that what it holds is less fine.',
    });
  }
  const parts = exact.map(({ num, den }, i) => ({ i, units: (num * unit) / den, rest: (num * unit) % den, den }));
  let left = (share.num * unit) / share.den - parts.reduce((sum, { units }) => sum + units, 0n);
  for (const part of [...parts].sort((a, b) => Number(b.rest * a.den - a.rest * b.den) || a.i - b.i)) {
    if (left === 0n) break;
    part.units++;
    left--;
  }
  return parts.map(({ units }) => reduce({ num: units, den: unit }));
}

const multiply = (a: Share, b: Share): Share => reduce({ num: a.num * b.num, den: a.den * b.den });

const isFineEnough = ({ from, to }: { from: Share; to: Share }): boolean =>
  from.den <= MAX_DENOMINATOR && to.den <= MAX_DENOMINATOR;

/** Of the multiples of the finest common unit of both sides, the nearest one; the whole of `from` where none is. */
function nearestThatFits(moved: Share, from: Share, to: Share): Share | undefined {
  const common = (from.den / gcd(from.den, to.den)) * to.den;
  const unit = common * (MAX_DENOMINATOR / common);
  if (unit > 0n) {
    const num = (2n * moved.num * unit + moved.den) / (2n * moved.den);
    const rounded = reduce({ num: num === 0n ? 1n : num, den: unit });
    return compare(rounded, from) > 0 ? from : rounded;
  }
  return isFineEnough({ from: NOTHING, to: add(to, from) }) ? from : undefined;
}

function reduce({ num, den }: Share): Share {
  const divisor = gcd(num, den);
  return divisor === 0n ? { num, den } : { num: num / divisor, den: den / divisor };
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? (a < 0n ? -a : a) : gcd(b, a % b);
}
