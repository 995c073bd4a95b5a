/**
 * Title under concurrency: three processes on one database, each with many writes in flight, offer and accept random
 * shares of a few models to and from one another, most of which cannot all be fulfilled. Now and then one of the
 * parties merges into a new one, and everything that it has left is transmitted, twice at once. Whatever was recorded,
 * title adds up to one, no share was given twice, nobody disposed of anything after their end, and a simple sum over
 * what came into force in log order is what the tables hold.
 */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { RegistryError } from '../../../src/core/errors.ts';
import { instrument, instrumentAct, succession, successionAct } from '../../../src/core/registry/index.ts';
import type { Share } from '../../../src/core/share.ts';
import { add, compare, formatShare, NOTHING, parseShare, subtract, WHOLE } from '../../../src/core/share.ts';
import { randomStream } from '../../../src/training/random.ts';
import type { Process } from './fixture.ts';
import { anyDigest, makeParty, register, TestLedger } from './fixture.ts';

const INSTRUMENTS = 2400;
const IN_FLIGHT = 16;
/** So many instruments to one merger */
const TO_A_MERGER = 300;
/** Shares are of twelfths, so that many offers are for what somebody else gets first. */
const PARTS = 12;

jest.setTimeout(600_000);

let log: TestLedger;
let processes: Process[];
let parties: string[];
let models: string[];

beforeAll(async () => {
  log = await TestLedger.create();
  processes = [await log.open(), await log.open(), await log.open()];
  const [first] = processes as [Process];
  parties = [];
  for (const name of ['Ada', 'Ben', 'Cai', 'Dee', 'Eve']) parties.push(await makeCompany(first, name));
  models = [];
  for (let i = 0; i < 4; i++) models.push((await register(first, parties[i]!)).id);
});
afterAll(() => log.drop());

const makeCompany = (process: Process, name: string) => makeParty(process, name, undefined, 'organization');

const REFUSALS = [
  ...['share_insufficient', 'forbidden', 'state_conflict', 'basis_stale', 'counterparty_invalid'],
  ...['party_ended', 'shares_invalid'],
];

/** Undefined where it was refused, which must be for a reason that a race gives. */
async function attempt<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (error instanceof RegistryError && REFUSALS.includes(error.code)) return undefined;
    throw error;
  }
}

it('gives no share twice, and adds up to one, over thousands of random concurrent instruments', async () => {
  const random = randomStream(20_261_127, 'title races');
  const any = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const first = [...parties];
  const effectiveFrom = new Date().toISOString().slice(0, 10);
  let refused = 0;

  const one = async () => {
    const [asset, maker, to] = [any(models), any(parties), any(parties)];
    const parts = 1 + random.below(PARTS);
    const share = formatShare(add({ num: BigInt(parts), den: BigInt(PARTS) }, NOTHING));
    const offered = await attempt(
      any(processes).ledger.attest(instrument, {
        maker,
        body: {
          asset,
          terms: { type: 'assignment', share, under: null },
          counterparties: [to],
          documentDigest: null,
          executedOn: null,
          effectiveFrom,
          jurisdiction: null,
          lapsesAt: null,
        },
      }),
    );
    if (offered === undefined) return void refused++;
    const act = (by: string, doing: 'accept' | 'withdraw') =>
      attempt(
        any(processes).ledger.attest(instrumentAct, {
          maker: by,
          body: { instrument: offered.id, act: doing, reason: null },
        }),
      );
    // Some are accepted twice at once, some withdrawn while they are accepted.
    const acts = [act(to, 'accept'), ...(random.below(5) === 0 ? [act(to, 'accept')] : [])];
    if (random.below(5) === 0) acts.push(act(maker, 'withdraw'));
    const done = (await Promise.all(acts)).filter((receipt) => receipt !== undefined);
    expect(done.length).toBeLessThanOrEqual(1);
    if (done.length === 0) refused++;
  };
  const ended: string[] = [];
  /** What is in flight goes on to name the party that ends. */
  const merge = async (place: number) => {
    const old = parties[place]!;
    const heir = await makeCompany(any(processes), `Heir of ${old}`);
    const documentDigest = anyDigest();
    const said = { predecessor: old, documentDigest, effectiveFrom, jurisdiction: 'DE' };
    const { id } = await any(processes).ledger.attest(succession, {
      maker: old,
      body: { ...said, type: 'merger', successors: [{ party: heir, portion: '1/1' }] },
    });
    await any(processes).ledger.attest(successionAct, {
      maker: heir,
      body: { succession: id, act: 'accept', reason: null },
    });
    parties[place] = heir;
    ended.push(old);
    const transmit = async (asset: string) => {
      const [own] = await any(processes).dataSource.query<{ share: string }[]>(
        `SELECT share_num || '/' || share_den AS share FROM registry.title
         WHERE asset_id = $1 AND party_id = $2 AND share_num > 0`,
        [asset, old],
      );
      const write = () =>
        attempt(
          any(processes).ledger.attest(instrument, {
            maker: heir,
            body: {
              asset,
              terms: {
                type: 'transmission',
                succession: id,
                predecessor: old,
                shares: own === undefined ? [] : [{ party: heir, share: own.share }],
                interests: [],
              },
              counterparties: [old],
              documentDigest,
              executedOn: null,
              effectiveFrom,
              jurisdiction: 'DE',
              lapsesAt: null,
            },
          }),
        );
      const passed = (await Promise.all([write(), write()])).filter((receipt) => receipt !== undefined);
      expect(passed).toHaveLength(own === undefined ? 0 : 1);
    };
    await Promise.all(models.map(transmit));
  };
  let started = 0;
  const worker = async () => {
    while (started < INSTRUMENTS) {
      started++;
      if (started % TO_A_MERGER === 0) await merge((started / TO_A_MERGER) % parties.length);
      await one();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));

  const { dataSource } = processes[0]!;
  const inForce = await dataSource.query<{ asset: string; from: string; to: string; share: string; late: boolean }[]>(
    `SELECT i.asset_id AS asset, coalesce(i.document #>> '{terms,predecessor}', i.maker) AS "from",
       CASE i.type WHEN 'transmission' THEN i.maker ELSE i.counterparties[1] END AS "to",
       coalesce(i.document #>> '{terms,share}', i.document #>> '{terms,shares,0,share}') AS share,
       i.in_force_index > e.recorded_index AS late
     FROM registry.instrument i LEFT JOIN registry.ended_party e ON e.party_id = i.maker
     WHERE i.state = 'recorded' ORDER BY i.in_force_index`,
  );
  expect(inForce.filter(({ late }) => late)).toEqual([]);
  expect(inForce.length).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);

  const held = new Map<string, Share>(models.map((model, i) => [`${model} ${first[i]!}`, WHOLE]));
  for (const { asset, from, to, share } of inForce) {
    const [had, moved] = [held.get(`${asset} ${from}`) ?? NOTHING, parseShare(share)];
    expect(compare(had, moved)).toBeGreaterThanOrEqual(0);
    held.set(`${asset} ${from}`, subtract(had, moved));
    held.set(`${asset} ${to}`, add(held.get(`${asset} ${to}`) ?? NOTHING, moved));
  }
  const titles = await dataSource.query<{ name: string; share: string }[]>(
    `SELECT asset_id || ' ' || party_id AS name, share_num || '/' || share_den AS share FROM registry.title`,
  );
  expect(Object.fromEntries(titles.map(({ name, share }) => [name, share]))).toEqual(
    Object.fromEntries([...held].map(([name, share]) => [name, formatShare(share)])),
  );
  expect(ended.length).toBeGreaterThan(5);
  for (const [name, share] of held) {
    if (ended.some((party) => name.endsWith(party))) expect([name, share.num]).toEqual([name, 0n]);
  }
  for (const model of models) {
    const shares = [...held].filter(([name]) => name.startsWith(model)).map(([, share]) => share);
    expect(shares.reduce(add, NOTHING)).toEqual(WHOLE);
  }
  expect(await log.fsck({ full: false })).toMatchObject({ ok: true, findingCount: 0 });
});
