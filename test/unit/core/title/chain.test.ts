import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { add, formatShare, NOTHING, parseShare } from '../../../../src/core/share.ts';
import type { Transfer } from '../../../../src/core/title/chain.ts';
import { shareAt, titleAt } from '../../../../src/core/title/chain.ts';

const root = { owners: [{ party: 'a', share: '1/1' }], effectiveFrom: '2026-01-10', index: 5 };
const transfer = (index: number, from: string, to: string, share: string, effectiveFrom: string): Transfer => ({
  instrument: `instrument_${index}`,
  from,
  to,
  share,
  effectiveFrom,
  index,
});
const chain = [
  transfer(7, 'a', 'b', '1/2', '2026-03-01'),
  transfer(9, 'a', 'c', '1/2', '2026-04-01'),
  transfer(11, 'b', 'c', '1/4', '2026-03-15'),
];
const at = (effective: string, known: number) =>
  Object.fromEntries(titleAt(root, chain, { effective, known }).map(({ party, share }) => [party, share]));

describe('title at a moment of two times', () => {
  test('is nobody’s before the asset was on record, by either time', () => {
    expect(at('2026-01-09', 100)).toEqual({});
    expect(at('2026-05-01', 5)).toEqual({});
  });

  test('counts an instrument from its effective date on', () => {
    expect(at('2026-02-28', 100)).toEqual({ a: '1/1' });
    expect(at('2026-03-01', 100)).toEqual({ a: '1/2', b: '1/2' });
    expect(at('2026-03-15', 100)).toEqual({ a: '1/2', b: '1/4', c: '1/4' });
    expect(at('2026-04-01', 100)).toEqual({ c: '3/4', b: '1/4' });
  });

  test('leaves out what was not on record yet, though it is effective earlier', () => {
    expect(at('2026-05-01', 11)).toEqual({ c: '1/2', b: '1/2' });
    expect(at('2026-05-01', 8)).toEqual({ a: '1/2', b: '1/2' });
  });

  test('tells since when and by which instrument somebody is an owner', () => {
    const [c, b] = titleAt(root, chain, { effective: '2026-05-01', known: 100 });
    expect(c).toMatchObject({ party: 'c', since: { index: 9 }, changed: { instrument: 'instrument_11' } });
    expect(b).toMatchObject({ party: 'b', since: { instrument: 'instrument_7', effectiveFrom: '2026-03-01' } });
    const back = [...chain, transfer(13, 'c', 'a', '1/4', '2026-06-01')];
    const owners = titleAt(root, back, { effective: '2026-06-01', known: 100 });
    expect(owners.find(({ party }) => party === 'a')).toMatchObject({
      since: { index: 13, effectiveFrom: '2026-06-01' },
    });
  });

  test('says so when a transfer takes more than there is', () => {
    const forged = [transfer(7, 'b', 'c', '1/2', '2026-03-01')];
    expect(() => titleAt(root, forged, { effective: '2026-05-01', known: 100 })).toThrow(
      expect.objectContaining({ code: 'ledger_inconsistent' }),
    );
  });

  test('adds up to one and agrees with the view of each party, at every moment', () => {
    // Nobody disposes from before their own title: the effective dates of what a party gives do not go back.
    const step = fc.record({ from: fc.nat(4), to: fc.nat(4), part: fc.integer({ min: 1, max: 4 }), days: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(40), fc.nat(80), (steps, known, day) => {
        const held = new Map([['p0', parseShare('1/1')]]);
        const since = new Map([['p0', 0]]);
        const transfers: Transfer[] = [];
        for (const [i, { from, to, part, days }] of steps.entries()) {
          const [giver, taker] = [`p${from}`, `p${to}`];
          const share = held.get(giver) ?? NOTHING;
          const moved = { num: share.num, den: share.den * BigInt(part) };
          if (giver === taker || share.num === 0n || moved.den > 1000n) continue;
          const when = since.get(giver)! + days;
          if (when > 27) continue;
          held.set(giver, add(share, { num: -moved.num, den: moved.den }));
          held.set(taker, add(held.get(taker) ?? NOTHING, moved));
          since.set(giver, when);
          since.set(taker, Math.max(when, since.get(taker) ?? 0));
          const text = formatShare(add(moved, NOTHING));
          transfers.push(transfer(6 + i, giver, taker, text, dayOf(when)));
        }
        const first = { owners: [{ party: 'p0', share: '1/1' }], effectiveFrom: dayOf(0), index: 5 };
        const moment = { effective: dayOf(day % 28), known: 6 + known };
        const owners = titleAt(first, transfers, moment);
        const sum = owners.reduce((total, { share }) => add(total, parseShare(share)), NOTHING);
        expect(sum).toEqual({ num: 1n, den: 1n });
        for (let i = 0; i < 5; i++) {
          const party = `p${i}`;
          const own = transfers.filter(({ from, to }) => from === party || to === party);
          const there = owners.find((owner) => owner.party === party)?.share;
          expect(shareAt(first, own, party, moment)).toEqual(there === undefined ? NOTHING : parseShare(there));
        }
      }),
      { numRuns: 500 },
    );
  });
});

const dayOf = (n: number) => `2026-01-${String(n + 1).padStart(2, '0')}`;
