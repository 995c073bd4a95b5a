import { describe, expect, test } from '@jest/globals';
import type { AssetTold, OpenOffer } from '../../../../src/core/title/awaited.ts';
import { awaitedBy } from '../../../../src/core/title/awaited.ts';

const told: AssetTold = {
  owners: [
    { party: 'ada', share: '1/2' },
    { party: 'ben', share: '1/3' },
    { party: 'cai', share: '1/6' },
  ],
  interests: [],
  quorums: null,
};
const quorums = { assignment: '2/3', pledge: '0', option: '0', 'priority-hold': '0', 'exclusive-license': '1/1' };
const lien = (instrument: string, holder: string, share: string, grantor = 'ada') => ({
  instrument,
  grantor,
  holder,
  terms: { type: 'pledge', share, until: null },
});
const sale = (share: string, different: Partial<OpenOffer> = {}): OpenOffer => ({
  terms: { type: 'assignment', share, under: null },
  maker: 'ada',
  counterparties: ['dana'],
  accepted: [],
  consented: [],
  ...different,
});

describe('an open offer', () => {
  test('waits for its counterparties, and for nobody else where the owners agreed on nothing', () => {
    expect(awaitedBy(sale('1/2'), told)).toEqual({ acceptance: ['dana'], share: null, owners: [], holders: [] });
    expect(awaitedBy(sale('1/2', { accepted: ['dana'] }), told).acceptance).toEqual([]);
  });

  test('waits for the quorum of owners, among whom an accepting one counts', () => {
    const asset = { ...told, quorums };
    expect(awaitedBy(sale('1/2'), asset)).toMatchObject({ share: '1/6', owners: ['ben', 'cai'] });
    expect(awaitedBy(sale('1/2', { consented: ['cai'] }), asset)).toMatchObject({ share: null, owners: [] });
    expect(awaitedBy(sale('1/2', { counterparties: ['ben'] }), asset)).toMatchObject({ share: null, owners: [] });
  });

  test('of a hold waits for owners alone, of whom the one that it serves is one', () => {
    const terms = { type: 'priority-hold' as const, share: '1/2', until: '2026-12-31' };
    const asset = { ...told, quorums: { ...quorums, 'priority-hold': '1/1' } };
    const hold = sale('1/2', { terms, counterparties: ['cai'] });
    expect(awaitedBy(hold, asset)).toEqual({ acceptance: [], share: '1/2', owners: ['ben', 'cai'], holders: [] });
  });

  test('of an exclusive license waits for all owners', () => {
    const terms = {
      type: 'exclusive-license' as const,
      actions: ['host' as const],
      territory: null,
      fieldOfUse: null,
      until: null,
    };
    expect(awaitedBy(sale('1/2', { terms }), told)).toMatchObject({ share: '1/2', owners: ['ben', 'cai'] });
  });

  test('waits for those whose interests it leaves uncovered, the latest first', () => {
    const asset = {
      ...told,
      interests: [lien('i1', 'eve', '1/4'), lien('i2', 'fay', '1/4'), lien('i3', 'gil', '1/6', 'ben')],
    };
    expect(awaitedBy(sale('1/8'), asset).holders).toEqual(['fay']);
    expect(awaitedBy(sale('1/2'), asset).holders).toEqual(['eve', 'fay']);
    expect(awaitedBy(sale('1/2', { consented: ['eve'] }), asset).holders).toEqual(['fay']);
    const under = sale('1/4', { terms: { type: 'assignment', share: '1/4', under: 'i2' } });
    expect(awaitedBy(under, asset).holders).toEqual([]);
    expect(awaitedBy(sale('1/8', { maker: 'cai' }), asset).holders).toEqual([]);
  });
});
