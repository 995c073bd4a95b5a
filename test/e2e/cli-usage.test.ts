/** Seats and uses under a license, with the built command line. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { runBuilt } from '../support/server.ts';
import { Users, writeModel } from './cli-user.ts';

interface Seat {
  holder: string;
  until: string;
  borrowed: boolean;
}
interface Counts {
  report: string;
  calls: number;
  left: number;
  byAction: Record<string, number>;
}

let app: TestApp;
let users: Users;
let grant: string;
const key = (name: string) => ['--holder-key', users.path(`${name}.pem`)];

beforeAll(async () => {
  app = await startTestApp({ env: { MUNIMENT_PUBLIC_URL: 'https://registry.example' } });
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  await users.join('registrar', 'acme', 'Acme Labs');
  await users.join('registrar', 'beta', 'Beta Corp');
  await users.join('registrar', 'gate', 'Gate Ltd');
  const model = users.path('model.safetensors');
  await writeModel(model, [1, 2, 3, 4]);
  await users.do('acme', 'register', model, '--name', 'digits', '--owner', 'Acme Labs', '--license', 'MIT');
  const terms = ['--action', 'infer', 'host', '--max-calls', '100', '--seats', '1'];
  const offered = ['license', 'grant', '--model', model, '--to', 'Beta Corp', ...terms];
  ({ id: grant } = await users.do<{ id: string }>('acme', ...offered));
  await users.do('beta', 'license', 'accept', grant);
}, 120_000);

afterAll(async () => {
  await users.remove();
  await app.close();
});

describe('a seat', () => {
  it('is taken by a key that is made, kept, borrowed and given up', async () => {
    const taken = await users.do<Seat>('beta', 'seat', 'activate', grant, ...key('first'));
    expect(await readFile(users.path('first.pem'), 'utf8')).toContain('PRIVATE KEY');
    const full = await users.run('beta', 'seat', 'activate', grant, ...key('second'));
    expect([full.code, full.value]).toEqual([1, expect.objectContaining({ code: 'seats_exhausted' })]);
    const kept = await users.do<Seat>('beta', 'seat', 'heartbeat', grant, ...key('first'));
    expect([kept.holder, kept.until > taken.until]).toEqual([taken.holder, true]);
    const borrowed = await users.do<Seat>('beta', 'seat', 'borrow', grant, ...key('first'), '--seconds', '7200');
    expect(borrowed).toMatchObject({ holder: taken.holder, borrowed: true });
    expect(await users.do<Seat[]>('acme', 'seat', 'list', grant)).toEqual([borrowed]);
    const early = await users.run('beta', 'seat', 'release', grant, '--holder', taken.holder);
    expect([early.code, early.value]).toEqual([1, expect.objectContaining({ code: 'state_conflict' })]);
    expect(await users.do('beta', 'seat', 'release', grant, ...key('first'))).toEqual({
      grant,
      released: taken.holder,
    });
    const next = await users.do<Seat>('beta', 'seat', 'activate', grant, ...key('second'));
    await users.do('acme', 'seat', 'release', grant, '--holder', next.holder);
    expect(await users.do<Seat[]>('acme', 'seat', 'list', grant)).toEqual([]);
  }, 60_000);

  it.each<[string, string[], number, string]>([
    ['of nobody', ['release'], 2, 'usage'],
    ['of two keys', ['release', '--holder-key', 'a.pem', '--holder', 'b'], 2, 'usage'],
    ['that is kept by a key that there is not', ['heartbeat', '--holder-key', 'none.pem'], 4, 'unreachable'],
  ])('%s is refused', async (_, [command, ...more], code, error) => {
    const refused = await users.run('beta', 'seat', command!, grant, ...more);
    expect([refused.code, refused.value]).toEqual([code, expect.objectContaining({ code: error })]);
  });
});

describe('uses', () => {
  const report = (user: string, ...more: string[]) => users.run<Counts>(user, 'usage', 'report', grant, ...more);

  it('are reported, once for each id, and shown to both sides', async () => {
    const time = ['--from', '2026-11-01T00:00:00Z', '--to', '2026-11-01T01:00:00Z'];
    const uses = ['--use', 'infer=7', '--use', 'host=1', ...time];
    const first = await report('beta', ...uses);
    expect([first.code, first.value]).toEqual([0, expect.objectContaining({ calls: 8, left: 92 })]);
    const again = await report('beta', ...uses, '--id', first.value.report);
    expect([again.code, again.value]).toEqual([0, first.value]);
    const other = await report('beta', '--use', 'infer=8', ...time, '--id', first.value.report);
    expect([other.code, other.value]).toEqual([1, expect.objectContaining({ code: 'idempotency_key_reused' })]);
    for (const side of ['acme', 'beta']) {
      expect(await users.do<Counts>(side, 'usage', 'show', grant)).toMatchObject({
        ...{ calls: 8, left: 92, byAction: { host: 1, infer: 7 } },
        byDay: [{ day: '2026-11-01', calls: 8 }],
      });
    }
    const shown = await runBuilt(['src/cli/main.js', 'usage', 'show', grant], users.env('acme'));
    expect(shown.stdout).toMatch(/^used +8$/m);
    expect(shown.stdout).toMatch(/^infer +7$/m);
  }, 60_000);

  it('are counted by a server that was shown a token, and refused beyond the quota', async () => {
    const audience = ['--audience', 'https://gate.example'];
    const { access_token: token } = await users.do<{ access_token: string }>(
      ...(['beta', 'token', 'issue', '--grant', grant, ...audience] as const),
    );
    expect((await report('gate', '--use', 'infer=1')).code).toBe(3);
    expect((await report('gate', '--use', 'infer=1', '--token', token)).value).toMatchObject({ calls: 9 });
    const over = await report('beta', '--use', 'infer=92');
    expect([over.code, over.value]).toEqual([1, expect.objectContaining({ code: 'quota_exceeded' })]);
  }, 60_000);

  it.each([['infer'], ['infer='], ['infer=-1'], ['infer=1.5'], ['fly=1'], ['infer=1=2'], ['=1']])(
    'as in %s are wrong usage',
    async (use) => {
      const odd = await report('beta', '--use', use);
      expect([odd.code, odd.value]).toEqual([2, expect.objectContaining({ code: 'usage' })]);
    },
  );

  it('whose report got no answer are told with what repeats it', async () => {
    const silent = createServer((request) => request.socket.destroy());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { code, value } = await users.run<{ code: string; fix: string }>(
      ...(['beta', 'usage', 'report', grant, '--use', 'infer=2', '--url', url, '--api-key'] as const),
      `@${users.path('beta.key')}`,
    );
    silent.close();
    expect([code, value.code]).toEqual([4, 'unreachable']);
    const [id, from, to] = ['id', 'from', 'to'].map((name) => new RegExp(`--${name} (\\S+)`).exec(value.fix)![1]!);
    const repeat = ['--use', 'infer=2', '--id', id!, '--from', from!, '--to', to!];
    for (let i = 0; i < 2; i++) expect((await report('beta', ...repeat)).value).toMatchObject({ calls: 11 });
  }, 60_000);
});
