/** Companies that merge and split at the command line, and the abstract that proves what passed. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Transmitted } from '../../src/cli/party-succession.ts';
import type { AbstractFile } from '../../src/cli/title-abstract.ts';
import type { Portfolio, SuccessionView, TitleView } from '../../src/cli/views.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import type { Said } from './cli-user.ts';
import { Users, writeModel } from './cli-user.ts';

interface Made {
  id: string;
  state: string;
}
interface Problem {
  code: string;
  detail: string;
}

let app: TestApp;
let users: Users;
/** Ids by user */
const ids: Record<string, string> = {};
let models: string[];
const today = () => new Date().toISOString().slice(0, 10);

const say = <T = Made & Problem>(user: string, ...argv: string[]): Promise<Said<T>> =>
  users.runHere<T>(user, app.url, ...argv);

async function done<T = Made>(user: string, ...argv: string[]): Promise<T> {
  const said = await say<T>(user, ...argv);
  if (said.code !== 0) throw new Error(`${argv.join(' ')} ended with ${said.code}: ${JSON.stringify(said)}`);
  return said.value;
}

const plan = () => ['--document', users.path('plan.txt')];
const law = () => [...plan(), '--jurisdiction', 'DE'];

async function shares(model: string, ...more: string[]): Promise<Record<string, string>> {
  const { owners } = await done<TitleView>('stranger', 'title', 'show', model, ...more);
  return Object.fromEntries(owners.map(({ party, share }) => [party, share]));
}

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  await done('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  for (const user of ['works', 'group', 'north', 'south', 'bank']) {
    const { party } = await done<{ party: string }>(
      ...(['registrar', 'party', 'create', user, '--api-key-file', users.path(`${user}.key`)] as const),
    );
    ids[user] = party;
    await done(user, 'login', '--api-key', `@${users.path(`${user}.key`)}`);
    // The bank has none: the registry signs for it.
    if (user !== 'bank') await done(user, 'keygen', '--register');
  }
  await done('stranger', 'trust', 'pin');
  await writeFile(users.path('plan.txt'), 'the works merges into the group');
  await writeFile(users.path('other.txt'), 'the works stays');
  models = [];
  for (const [i, owners] of [['works=1/1'], ['works=1/2', 'bank=1/2']].entries()) {
    const file = users.path(`model-${i}.safetensors`);
    await writeModel(file, [i, 1, 2, 3]);
    const { id } = await done('works', 'register', file, '--name', `m${i}`, '--license', 'MIT', '--owner', ...owners);
    models.push(id);
  }
}, 180_000);

afterAll(async () => {
  await users.remove();
  await app.close();
});

describe('a merger', () => {
  let merger: string;

  it('is accepted by who holds its document, and told before it is signed', async () => {
    const pledged = await done('bank', 'title', 'pledge', models[1]!, '--to', 'works', '--share', '1/4');
    await done('works', 'title', 'accept', pledged.id);
    ({ id: merger } = await done('works', 'title', 'merge', '--into', 'group', ...law()));
    expect(await done<SuccessionView[]>('stranger', 'title', 'successions', ids['works']!)).toMatchObject([
      { id: merger, state: 'offered', type: 'merger' },
    ]);
    const wrong = await say('group', 'title', 'succession-accept', merger, '--document', users.path('other.txt'));
    expect([wrong.code, wrong.value.code]).toEqual([1, 'digest_mismatch']);
    const early = await say('group', 'title', 'transmit', models[0]!, '--succession', merger);
    expect([early.code, early.value.code]).toEqual([1, 'state_conflict']);
    const { code, value, stderr } = await say('group', 'title', 'succession-accept', merger, ...plan());
    expect([code, value.state]).toEqual([0, 'recorded']);
    expect(stderr).toContain(
      `You accept: works (${ids['works']}) merges into group (${ids['group']}), from ${today()}`,
    );
    expect(await done('stranger', 'title', 'succession', merger)).toMatchObject({ id: merger, state: 'recorded' });
  }, 60_000);

  it('passes on everything that the predecessor had, and only by a successor', async () => {
    const stranger = await say('north', 'title', 'transmit', models[0]!, '--succession', merger);
    expect([stranger.code, stranger.value.code]).toEqual([1, 'forbidden']);
    const passed = await done<Transmitted[]>('group', 'title', 'transmit', '--succession', merger);
    expect(passed.map(({ asset }) => asset).sort()).toEqual([...models].sort());
    expect(await shares(models[0]!)).toEqual({ [ids['group']!]: '1/1' });
    expect(await shares(models[1]!)).toEqual({ [ids['group']!]: '1/2', [ids['bank']!]: '1/2' });
    expect(await done<Portfolio>('stranger', 'title', 'portfolio', ids['works']!)).toMatchObject({
      titles: [],
      interests: [],
    });
    expect(await done<Portfolio>('stranger', 'title', 'portfolio', ids['group']!)).toMatchObject({
      interests: [{ asset: models[1], kind: 'lien', grantor: ids['bank'], holder: ids['group'] }],
    });
    expect(await done('group', 'title', 'transmit', '--succession', merger)).toEqual([]);
    const again = await say('group', 'title', 'transmit', models[0]!, '--succession', merger);
    expect([again.code, again.value.code]).toEqual([1, 'state_conflict']);
    const late = await say('works', 'title', 'assign', models[0]!, '--to', 'north', '--share', '1/2');
    expect([late.code, late.value.code]).toEqual([1, 'forbidden']);
  }, 60_000);

  it('is proved with everything behind it, and looked up with its owners', async () => {
    const file = users.path('abstract.json');
    await done('stranger', 'title', 'abstract', models[1]!, '-o', file);
    const { abstract, receipts } = JSON.parse(await readFile(file, 'utf8')) as AbstractFile;
    expect(abstract.owners.map(({ party }) => party).sort()).toEqual([ids['group'], ids['bank']].sort());
    expect(abstract.interests).toMatchObject([{ kind: 'lien', grantor: ids['bank'], holder: ids['group'] }]);
    expect(receipts.successions.map((each) => each.length)).toEqual([2]);
    const verify = async (change: (file: AbstractFile) => void) => {
      const changed = structuredClone({ abstract, receipts });
      change(changed);
      await writeFile(users.path('changed.json'), JSON.stringify(changed));
      const { code, value } = await say('stranger', 'title', 'verify', users.path('changed.json'));
      return [code, value.code];
    };
    expect(await verify(() => undefined)).toEqual([0, undefined]);
    expect(await verify(({ receipts }) => void receipts.successions.pop())).toEqual([1, 'proof_invalid']);
    expect(await verify(({ receipts }) => void receipts.successions[0]!.pop())).toEqual([1, 'proof_invalid']);
    const shown = await users.runHere('stranger', app.url, 'lookup', users.path('model-1.safetensors'));
    expect([shown.code, JSON.stringify(shown.value)]).toEqual([0, expect.stringContaining(ids['group']!)]);
  }, 60_000);

  it('back into what came out of it is refused with the circle', async () => {
    const { code, value } = await say('group', 'title', 'merge', '--into', 'works', ...law());
    expect([code, value.code]).toEqual([1, 'succession_circular']);
    expect(value.detail).toContain(`${ids['group']} -> ${ids['works']} -> ${ids['group']}`);
  }, 60_000);
});

describe('a split', () => {
  it('of a company that is gone is stated by the registrar, rejected, stated again, and carried out after a sale', async () => {
    const sold = await done('group', 'title', 'assign', models[0]!, '--to', 'bank', '--share', '1/10');
    await done('bank', 'title', 'accept', sold.id);
    const split = ['--into', 'north=2/3', 'south=1/3', '--predecessor', 'group', ...law()];
    const first = await done('registrar', 'title', 'split', ...split);
    expect(await done('south', 'title', 'succession-reject', first.id, '--reason', 'another plan')).toMatchObject({
      state: 'rejected',
    });
    const withdrawn = await done('registrar', 'title', 'split', ...split);
    expect(await done('registrar', 'title', 'succession-withdraw', withdrawn.id)).toMatchObject({ state: 'withdrawn' });
    const { id } = await done('registrar', 'title', 'split', ...split);
    expect(await done('north', 'title', 'succession-accept', id)).toMatchObject({ state: 'offered' });
    expect(await done('south', 'title', 'succession-accept', id)).toMatchObject({ state: 'recorded' });
    await done('south', 'title', 'transmit', models[0]!, '--succession', id);
    expect(await shares(models[0]!)).toEqual({
      [ids['north']!]: '3/5',
      [ids['south']!]: '3/10',
      [ids['bank']!]: '1/10',
    });
    const { abstract } = await done<AbstractFile>('stranger', 'title', 'abstract', models[0]!);
    expect(abstract.instruments.at(-1)!.gaps).toEqual([
      `the registrar stated the succession, which ${ids['group']} did not sign`,
    ]);
    // What it owns by a transmission, an owner disposes of.
    const next = await done('north', 'title', 'assign', models[0]!, '--to', 'south', '--share', '3/5');
    expect(await done('south', 'title', 'accept', next.id)).toMatchObject({ state: 'recorded' });
  }, 120_000);

  it('is refused with portions that are no whole, and with words that are none', async () => {
    const split = (...into: string[]) => say('north', 'title', 'split', '--into', ...into, ...law());
    expect((await split('south=1/2', 'bank=1/3')).value).toMatchObject({ code: 'shares_invalid' });
    expect((await split('south=half', 'bank=1/2')).value).toMatchObject({ code: 'shares_invalid' });
    expect((await split('south')).value).toMatchObject({ code: 'invalid_input' });
    expect((await split('south=1/2', 'nobody=1/2')).value).toMatchObject({ code: 'not_found' });
  }, 60_000);
});
