/**
 * Which token key does what, and when. A key signs from its `notBefore` on until the next one begins, and goes on
 * verifying until the last token that it can have signed is over. A retired key, one that leaked, does neither.
 */

export interface ScheduledKey {
  readonly kid: string;
  readonly notBefore: string;
  readonly recordedIndex: number;
  readonly retiredIndex: number | null;
}

/** Seconds; a shorter cache than this costs more than it is worth, a longer one may miss a new key. */
const LONGEST_CACHE = 300;
const DAY_MS = 86_400_000;

/** The key that signs at `now`; undefined when there is none yet. */
export const signingKeyAt = <Key extends ScheduledKey>(keys: readonly Key[], now: Date): Key | undefined =>
  inOrder(keys).findLast(({ notBefore }) => notBefore <= now.toISOString());

/**
 * The keys that may still have to verify a token, those included that do not sign yet.
 * @param maxLifetime seconds that a token lives at most
 */
export function verifyingKeysAt<Key extends ScheduledKey>(
  keys: readonly Key[],
  now: Date,
  maxLifetime: number,
): readonly Key[] {
  const ordered = inOrder(keys);
  return ordered.filter((_, i) => {
    const next = ordered[i + 1];
    return next === undefined || now.getTime() < Date.parse(next.notBefore) + maxLifetime * 1000;
  });
}

/**
 * Whether it is time for the next key: the one that signs has done so for its days, and none is waiting to follow it.
 * @param days 0 for never
 */
export function isNextDue(keys: readonly ScheduledKey[], now: Date, days: number): boolean {
  const last = inOrder(keys).at(-1);
  if (days === 0 || last === undefined) return false;
  return now.getTime() >= Date.parse(last.notBefore) + days * DAY_MS;
}

/** Seconds for which the key set may be kept: half of what a new key is published ahead. */
export const cacheSeconds = (leadSeconds: number): number => Math.min(LONGEST_CACHE, Math.floor(leadSeconds / 2));

const inOrder = <Key extends ScheduledKey>(keys: readonly Key[]): readonly Key[] =>
  keys
    .filter(({ retiredIndex }) => retiredIndex === null)
    .sort((a, b) =>
      a.notBefore < b.notBefore ? -1 : a.notBefore > b.notBefore ? 1 : a.recordedIndex - b.recordedIndex,
    );
