/**
 * The models on record that a p-value is taken from. A p-value holds if nobody chose them after the fact, so there is one
 * rule, and it leaves nothing to choose: the oldest whose neurons see as many inputs,
 *
 *  - whose fingerprint came on record before the weights of the two models that are compared, as far as these are;
 *  - that nobody declared related to either of them when it came on record: its ancestors, and all that came from it or
 *    from one of them, under whatever registration of the same weights;
 *  - of the same weights one, and of one registrant three.
 *
 * The registry follows it; who asks sees the times, the registrants and, in the log, the relations.
 */

/** Whoever registers models by the dozen is no more than so many strangers. */
export const MOST_OF_ONE_REGISTRANT = 3;

export interface Stranger {
  registration: string;
  /** Who registered it */
  registrant: string;
  /** Of the statement of its fingerprint */
  recordedIndex: number;
}

/**
 * What shows in the list alone.
 * @param compared the two models, as far as they are on record, each with the index of the first registration of its weights
 * @returns the first that is no stranger, and why; undefined where all are
 */
export function notAStranger(
  strangers: readonly Stranger[],
  compared: readonly { registration: string; recordedIndex: number }[],
): { registration: string; because: string } | undefined {
  const before = Math.min(...compared.map(({ recordedIndex }) => recordedIndex));
  const seen = new Set(compared.map(({ registration }) => registration));
  const counts = new Map<string, number>();
  for (const { registration, registrant, recordedIndex } of strangers) {
    const count = (counts.get(registrant) ?? 0) + 1;
    counts.set(registrant, count);
    if (recordedIndex >= before) return { registration, because: 'its fingerprint is not older than what is compared' };
    if (seen.has(registration)) return { registration, because: 'it is compared itself, or named twice' };
    if (count > MOST_OF_ONE_REGISTRANT) return { registration, because: `${registrant} has ${count} of them` };
    seen.add(registration);
  }
  return undefined;
}
