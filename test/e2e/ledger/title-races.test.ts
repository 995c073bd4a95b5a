/**
 * Title under concurrency: three processes on one database, each with many writes in flight, offer and accept random
 * shares of a few models to and from one another, most of which cannot all be fulfilled. Whatever was recorded, title
 * adds up to one, no share was given twice, and a simple sum over the accepted assignments in log order is what the
 * tables hold.
 */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { RegistryError } from '../../../src/core/errors.ts';
import { instrument, instrumentAct } from '../../../src/core/registry/index.ts';
import type { Share } from '../../../src/core/share.ts';
import { add, compare, formatShare, NOTHING, parseShare, subtract, WHOLE } from '../../../src/core/share.ts';
import { randomStream } from '../../../src/training/random.ts';
import type { Process } from './fixture.ts';
import { makeParty, register, TestLedger } from './fixture.ts';

const INSTRUMENTS = 2400;
const IN_FLIGHT = 16;
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
  for (const name of ['Ada', 'Ben', 'Cai', 'Dee', 'Eve']) parties.push(await makeParty(first, name));
  models = [];
  for (let i = 0; i < 4; i++) models.push((await register(first, parties[i]!)).id);
});
afterAll(() => log.drop());

const REFUSALS = ['share_insufficient', 'forbidden', 'state_conflict', 'basis_stale', 'counterparty_invalid'];

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
  let started = 0;
  const worker = async () => {
    while (started < INSTRUMENTS) {
      started++;
      await one();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));

  const { dataSource } = processes[0]!;
  const inForce = await dataSource.query<{ asset: string; maker: string; to: string; share: string; index: string }[]>(
    `SELECT asset_id AS asset, maker, counterparties[1] AS "to", document #>> '{terms,share}' AS share,
       in_force_index AS index
     FROM registry.instrument WHERE state = 'recorded' ORDER BY in_force_index`,
  );
  expect(inForce.length).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);

  const held = new Map<string, Share>(models.map((model, i) => [`${model} ${parties[i]!}`, WHOLE]));
  for (const { asset, maker, to, share } of inForce) {
    const [from, moved] = [held.get(`${asset} ${maker}`) ?? NOTHING, parseShare(share)];
    expect(compare(from, moved)).toBeGreaterThanOrEqual(0);
    held.set(`${asset} ${maker}`, subtract(from, moved));
    held.set(`${asset} ${to}`, add(held.get(`${asset} ${to}`) ?? NOTHING, moved));
  }
  const titles = await dataSource.query<{ name: string; share: string }[]>(
    `SELECT asset_id || ' ' || party_id AS name, share_num || '/' || share_den AS share FROM registry.title`,
  );
  expect(Object.fromEntries(titles.map(({ name, share }) => [name, share]))).toEqual(
    Object.fromEntries([...held].map(([name, share]) => [name, formatShare(share)])),
  );
  for (const model of models) {
    const shares = [...held].filter(([name]) => name.startsWith(model)).map(([, share]) => share);
    expect(shares.reduce(add, NOTHING)).toEqual(WHOLE);
  }
  expect(await log.fsck({ full: false })).toMatchObject({ ok: true, findingCount: 0 });
});
