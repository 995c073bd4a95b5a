/** What a chain of grants leaves: the tightest decides, and nothing that is counted within it goes beyond any of them. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CountedCalls } from '../../../../src/core/licensing/quota.ts';
import { callsLeft } from '../../../../src/core/licensing/quota.ts';

const MAX = 1_000_000_000;
const number = fc.integer({ min: 0, max: MAX });
const grants = fc.array(
  fc.record({ maxCalls: fc.option(number), calls: number, leased: number }).map(
    // What was counted never exceeds the quota.
    ({ maxCalls, calls, leased }): CountedCalls =>
      maxCalls === null
        ? { maxCalls, calls, leased }
        : { maxCalls, calls: calls % (maxCalls + 1), leased: leased % (maxCalls - (calls % (maxCalls + 1)) + 1) },
  ),
  { minLength: 1, maxLength: 6 },
);
const within = ({ maxCalls, calls, leased }: CountedCalls) => maxCalls === null || calls + leased <= maxCalls;
const after = (chain: readonly CountedCalls[], change: Partial<CountedCalls>) =>
  chain.map(({ maxCalls, calls, leased }) => ({
    maxCalls,
    calls: calls + (change.calls ?? 0),
    leased: leased + (change.leased ?? 0),
  }));

describe('what a chain of grants leaves', () => {
  it('can be used to the last call, and one more exceeds one of them', () => {
    fc.assert(
      fc.property(grants, (chain) => {
        const left = callsLeft(chain);
        if (left === null) return expect(chain.every(({ maxCalls }) => maxCalls === null)).toBe(true);
        expect(after(chain, { calls: left }).every(within)).toBe(true);
        expect(after(chain, { leased: left + 1 }).every(within)).toBe(false);
      }),
    );
  });

  it('is the same whether calls are leased and then spent, or reported at once', () => {
    fc.assert(
      fc.property(grants, number, (chain, wanted) => {
        const calls = Math.min(wanted, callsLeft(chain) ?? Infinity);
        const spent = after(after(chain, { leased: calls }), { calls, leased: -calls });
        expect(callsLeft(spent)).toBe(callsLeft(after(chain, { calls })));
        expect(callsLeft(after(after(chain, { leased: calls }), { leased: -calls }))).toBe(callsLeft(chain));
      }),
    );
  });

  it('does not depend on their order, and is never more for one more grant', () => {
    fc.assert(
      fc.property(grants, grants, (chain, more) => {
        expect(callsLeft([...chain].reverse())).toBe(callsLeft(chain));
        expect(callsLeft([...chain, ...more]) ?? Infinity).toBeLessThanOrEqual(callsLeft(chain) ?? Infinity);
      }),
    );
  });

  it('is nothing where more was counted than a grant allows, as after a counter was made again', () => {
    expect(callsLeft([{ maxCalls: 5, calls: 9, leased: 0 }])).toBe(0);
  });
});
