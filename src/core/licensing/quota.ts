/**
 * What a quota leaves. A grant bounds what is used under it and under all that was passed on of it, so a use counts for
 * every grant of the chain, and the tightest of them decides. Leased calls may have been made already: they count as used.
 */

/** One grant of a chain, with what was counted under it. */
export interface CountedCalls {
  /** null for any number */
  readonly maxCalls: number | null;
  readonly calls: number;
  readonly leased: number;
}

/** How many calls may be counted for all of them; null for any number. */
export function callsLeft(chain: readonly CountedCalls[]): number | null {
  const left = chain.flatMap(({ maxCalls, calls, leased }) => (maxCalls === null ? [] : [maxCalls - calls - leased]));
  return left.length === 0 ? null : Math.max(0, Math.min(...left));
}
