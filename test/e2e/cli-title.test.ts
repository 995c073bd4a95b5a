/** Title at the command line: two parties with keys of their own, and one for which the registry signs. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AbstractFile } from '../../src/cli/title-abstract.ts';
import type { OpenInstrument } from '../../src/cli/titles.ts';
import type { TitleView } from '../../src/cli/views.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { digestOf } from '../support/bodies.ts';
import type { Said } from './cli-user.ts';
import { Users, writeModel } from './cli-user.ts';

interface Offered {
  id: string;
  state: string;
  documentDigest: string | null;
  counterparties: string[];
  receipt: { index: number };
}
interface Problem {
  code: string;
  detail: string;
}

let app: TestApp;
let users: Users;
let [acme, beta, carl]: string[] = [];
let registration: string;
let registered: number;
let kept: string;
let stopped = false;
const model = () => users.path('model.safetensors');

/** Inside the test's process; `--json` always. */
const say = <T = Offered & Problem>(user: string, ...argv: string[]): Promise<Said<T>> =>
  users.runHere<T>(user, app.url, ...argv);

async function done<T = Offered>(user: string, ...argv: string[]): Promise<T> {
  const said = await say<T>(user, ...argv);
  if (said.code !== 0) throw new Error(`${argv.join(' ')} ended with ${said.code}: ${JSON.stringify(said)}`);
  return said.value;
}

const assign = (user: string, to: string, share: string, ...more: string[]) =>
  done(user, 'title', 'assign', registration, '--to', to, '--share', share, ...more);

async function shares(...more: string[]): Promise<Record<string, string>> {
  const { owners } = await done<TitleView>('stranger', 'title', 'show', registration, ...more);
  return Object.fromEntries(owners.map(({ party, share }) => [party, share]));
}

const signatureOf = ({ envelope }: Receipt) => envelope.signatures[0]!.sig;

const openTo = (user: string) => done<OpenInstrument[]>(user, 'title', 'offers');

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  await done('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  for (const [user, name] of [
    ['acme', 'Acme Labs'],
    ['beta', 'Beta Corp'],
    ['carl', 'Carl'],
  ] as const) {
    const key = users.path(`${user}.key`);
    await done('registrar', 'party', 'create', name, '--api-key-file', key);
    await done(user, 'login', '--api-key', `@${key}`);
  }
  [acme, beta, carl] = await Promise.all(
    ['acme', 'beta', 'carl'].map(async (user) => {
      const profile = JSON.parse(await readFile(users.path(`${user}/profile.json`), 'utf8')) as { party: string };
      return profile.party;
    }),
  );
  await done('acme', 'keygen', '--register');
  await done('beta', 'keygen', '--register');
  await done('stranger', 'trust', 'pin');
  await writeModel(model(), [1, 2, 3, 4]);
  const made = await done(
    ...(['acme', 'register', model(), '--name', 'digits', '--owner', 'Acme Labs', '--license', 'MIT'] as const),
  );
  registration = made.id;
  registered = made.receipt.index;
  await writeFile(users.path('sale.txt'), 'Acme sells a third');
  await writeFile(users.path('other.txt'), 'Acme sells everything');
}, 180_000);

afterAll(async () => {
  await users.remove();
  if (!stopped) await app.close();
});

describe('a share', () => {
  let offered: Offered;

  it('is offered with the digest of the signed document, and moves nothing yet', async () => {
    const document = ['--document', users.path('sale.txt'), '--jurisdiction', 'DE'];
    offered = await done(
      ...(['acme', 'title', 'assign', model(), '--to', 'Beta Corp', '--share', '1/3', ...document] as const),
    );
    expect(offered).toMatchObject({
      state: 'offered',
      counterparties: [beta],
      documentDigest: digestOf(Buffer.from('Acme sells a third')),
    });
    expect(await shares()).toEqual({ [acme!]: '1/1' });
    expect(await openTo('beta')).toMatchObject([
      { instrument: { id: offered.id }, yours: true, awaited: { acceptance: [beta], owners: [], holders: [] } },
    ]);
    expect(await openTo('acme')).toMatchObject([{ instrument: { id: offered.id }, yours: false }]);
    expect(await openTo('carl')).toEqual([]);
  }, 60_000);

  it('is not accepted by whoever holds another document than the one on record', async () => {
    const { code, value } = await say('beta', 'title', 'accept', offered.id, '--document', users.path('other.txt'));
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'digest_mismatch', field: 'document' })]);
    expect(value.detail).toContain(offered.documentDigest);
    expect(await shares()).toEqual({ [acme!]: '1/1' });
  }, 60_000);

  it('is not accepted by a stranger to the offer', async () => {
    const { code, value } = await say('carl', 'title', 'accept', offered.id);
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'forbidden' })]);
  }, 60_000);

  it('passes when the assignee accepts, who is told before it signs what it accepts', async () => {
    const document = ['--document', users.path('sale.txt')];
    const { code, value, stderr } = await users.run<Offered>('beta', 'title', 'accept', offered.id, ...document);
    expect([code, value]).toEqual([0, expect.objectContaining({ state: 'recorded' })]);
    expect(stderr).toContain(`You accept: Acme Labs (${acme}) assigns 1/3 of ${registration} to Beta Corp (${beta})`);
    const { owners } = await users.do<TitleView>('stranger', 'title', 'show', model());
    expect(owners).toMatchObject([
      { party: acme, name: 'Acme Labs', share: '2/3', since: { instrument: null } },
      { party: beta, name: 'Beta Corp', share: '1/3', since: { instrument: offered.id, index: value.receipt.index } },
    ]);
  }, 60_000);

  it('is shown as known before, and on a day before there was any', async () => {
    expect(await shares('--known', String(registered + 1))).toEqual({ [acme!]: '1/1' });
    expect(await shares('--on', '2020-01-31')).toEqual({});
    const odd = await say('stranger', 'title', 'show', registration, '--on', 'yesterday');
    expect([odd.code, odd.value]).toEqual([2, expect.objectContaining({ code: 'usage' })]);
  }, 60_000);

  it('of which the offer was not checked against a document says so', async () => {
    const document = ['--document', users.path('sale.txt')];
    const { id } = await assign('beta', 'Carl', '1/6', ...document);
    const { code, stderr } = await say('carl', 'title', 'reject', id, '--reason', 'too dear');
    expect([code, stderr]).toEqual([0, expect.stringContaining('a document that was not checked')]);
    const again = await say('carl', 'title', 'accept', id);
    expect([again.code, again.value.code]).toEqual([1, 'state_conflict']);
    expect(await done('stranger', 'title', 'instrument', id)).toMatchObject({ id, state: 'rejected', maker: beta });
  }, 60_000);

  it('that was offered is withdrawn by its maker alone', async () => {
    const { id } = await assign('beta', 'Carl', '1/6');
    expect((await say('carl', 'title', 'withdraw', id)).value).toMatchObject({ code: 'forbidden' });
    expect(await done('beta', 'title', 'withdraw', id)).toMatchObject({ state: 'withdrawn' });
    expect((await say('carl', 'title', 'accept', id)).value).toMatchObject({ code: 'state_conflict' });
    expect(await openTo('carl')).toEqual([]);
  }, 60_000);

  it('of which two buyers hold an offer goes to the first, and the second is told why', async () => {
    const [first, second] = [await assign('acme', 'Beta Corp', '2/3'), await assign('acme', 'Carl', '2/3')];
    // The registry signs for a party without a key.
    expect(await done('carl', 'title', 'accept', second.id)).toMatchObject({ state: 'recorded' });
    const { code, value } = await say('beta', 'title', 'accept', first.id);
    expect([code, value]).toEqual([1, expect.objectContaining({ code: 'share_insufficient' })]);
    expect(value.detail).toBe(`${acme} holds no share of ${registration} any more.`);
    expect(await shares()).toEqual({ [carl!]: '2/3', [beta!]: '1/3' });
    expect((await say('acme', 'title', 'assign', registration, '--to', beta!, '--share', '1/3')).value).toMatchObject({
      code: 'forbidden',
    });
  }, 60_000);

  it.each([
    [['--to', 'Carl', '--share', '2/4'], 1, 'shares_invalid'],
    [['--to', 'Carl', '--share', '1/1000000000000000000'], 1, 'shares_invalid'],
    [['--to', 'Carl', '--share', '1/2'], 1, 'share_insufficient'],
    [['--to', 'Beta Corp', '--share', '1/3'], 1, 'counterparty_invalid'],
    [['--to', 'Nobody', '--share', '1/3'], 3, 'not_found'],
    [['--to', 'Carl', '--share', '1/3', '--effective', '2020-01-01'], 0, undefined],
    [['--to', 'Carl', '--share', '1/3', '--lapses', 'soon'], 2, 'usage'],
    [['--to', 'Carl', '--share', '1/3', '--jurisdiction', 'Germany'], 1, 'invalid_input'],
  ])('offered with %j ends with %i', async (options, expected, error) => {
    const { code, value } = await say('beta', 'title', 'assign', registration, ...options);
    expect([code, value.code]).toEqual([expected, error]);
  });
});

describe('what rests on a title', () => {
  it('a pledge is a lien until it is released by who holds it', async () => {
    const { id } = await done(
      ...(['beta', 'title', 'pledge', registration, '--to', 'Acme Labs', '--share', '1/6'] as const),
    );
    await done('acme', 'title', 'accept', id);
    const { interests } = await done<TitleView>('stranger', 'title', 'show', registration);
    expect(interests).toMatchObject([{ instrument: id, kind: 'lien', grantor: beta, holder: acme }]);
    expect((await say('beta', 'title', 'release', id)).value).toMatchObject({ code: 'forbidden' });

    const sale = await assign('beta', 'Carl', '1/3');
    expect(await done('carl', 'title', 'accept', sale.id)).toMatchObject({ state: 'accepted' });
    expect(await openTo('acme')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          instrument: expect.objectContaining({ id: sale.id }),
          yours: true,
          awaited: { acceptance: [], share: null, owners: [], holders: [acme] },
        }),
      ]),
    );
    await done('beta', 'title', 'withdraw', sale.id);
    expect(await done('acme', 'title', 'release', id)).toMatchObject({ state: 'released' });
  }, 60_000);

  it('a hold stands at once, and the assignment under it ends it', async () => {
    const held = await done(
      ...(['beta', 'title', 'hold', registration, '--to', 'Carl', '--share', '1/3', '--until', '2999-12-31'] as const),
    );
    expect(held).toMatchObject({ state: 'recorded' });
    const { id } = await assign('beta', 'Carl', '1/12', '--under', held.id);
    expect(await done('carl', 'title', 'accept', id)).toMatchObject({ state: 'recorded' });
    expect((await done<TitleView>('stranger', 'title', 'show', registration)).interests).toEqual([]);
  }, 60_000);

  it('an option and an exclusive license are offered as the words say', async () => {
    const option = ['--to', 'Acme Labs', '--share', '1/8', '--until', '2999-12-31'];
    await done('acme', 'title', 'accept', (await done('beta', 'title', 'option', registration, ...option)).id);
    const exclusive = ['--to', 'Acme Labs', '--action', 'host', 'infer', '--territory', 'DE', '--field-of-use', 'toys'];
    const { id } = await done('beta', 'title', 'license-exclusively', registration, ...exclusive);
    expect(await done('acme', 'title', 'accept', id)).toMatchObject({ state: 'accepted' });
    const [waiting] = await openTo('carl');
    expect(waiting).toMatchObject({ instrument: { id }, yours: true, awaited: { share: '3/4', owners: [carl] } });
    expect(await done('carl', 'title', 'consent', id)).toMatchObject({ state: 'recorded' });
    const { interests } = await done<TitleView>('stranger', 'title', 'show', registration);
    expect(interests).toMatchObject([
      { kind: 'option', terms: { share: '1/8' } },
      { kind: 'exclusive-license', terms: { actions: ['host', 'infer'], territory: ['DE'], fieldOfUse: 'toys' } },
    ]);
    const steal = ['--to', 'Acme Labs', '--action', 'steal'];
    expect((await say('beta', 'title', 'license-exclusively', registration, ...steal)).code).toBe(2);
  }, 60_000);

  it('an agreement of the owners is offered to all the others, and its quorums are kept by the next', async () => {
    const { id, counterparties } = await done('beta', 'title', 'agree', registration, '--quorum', 'assignment=2/3');
    expect(counterparties).toEqual([carl]);
    await done('carl', 'title', 'accept', id);
    const quorums = { assignment: '2/3', pledge: '0', option: '0', 'priority-hold': '0', 'exclusive-license': '1/1' };
    expect(await done<TitleView>('stranger', 'title', 'show', registration)).toMatchObject({ quorums });
    const next = await done('carl', 'title', 'agree', registration, '--quorum', 'pledge=1/2');
    expect(next).toMatchObject({ terms: { quorums: { ...quorums, pledge: '1/2' } } });
    const odd = await say('carl', 'title', 'agree', registration, '--quorum', 'sale=1/2');
    expect([odd.code, odd.value.code]).toEqual([2, 'usage']);
  }, 60_000);
});

describe('a portfolio', () => {
  it('tells what a party owns, and what it owned', async () => {
    const titles = async (...more: string[]) =>
      (await done<{ titles: object[] }>('acme', 'title', 'portfolio', ...more)).titles;
    expect(await titles()).toEqual([]);
    expect(await titles('--known', String(registered + 1))).toEqual([
      { asset: registration, name: 'digits', share: '1/1' },
    ]);
    expect(await titles('Carl')).toMatchObject([{ asset: registration, share: '3/4' }]);
  }, 60_000);
});

describe('what is printed for people', () => {
  const text = async (user: string, ...argv: string[]) => {
    const { runCli } = await import('../unit/cli/support.ts');
    const { code, out, notes } = await runCli(argv, { ...users.env(user), MUNIMENT_URL: app.url });
    expect([code, notes]).toEqual([0, expect.not.stringContaining('muniment:')]);
    return out;
  };

  it('names parties, shares, instruments and what is open', async () => {
    expect(await text('stranger', 'title', 'show', registration)).toMatch(
      /owners +3\/4 {2}Carl[^]*rests on it +option on 1\/8/,
    );
    expect(await text('carl', 'title', 'offers')).toMatch(
      /instrument_\w+ +no +Carl \(\w+\) and .* agree .*: waits for acceptance by Beta/,
    );
    expect(await text('carl', 'title', 'portfolio')).toMatch(/registration_\w+ +3\/4 +digits/);
    expect(await text('carl', 'title', 'portfolio', 'Acme Labs')).toMatch(/registration_\w+ +option on 1\/8 +digits/);
    const abstract = await text('stranger', 'title', 'abstract', registration);
    expect(abstract).toContain('Abstract of title of "digits"');
    expect(abstract).toMatch(
      /assigns 1\/3 of registration_\w+ to Beta Corp[^]*accepted by Beta Corp[^]*open: when it was signed/,
    );
    const id = /instrument_\w{26}/.exec(abstract)![0];
    expect(await text('carl', 'title', 'instrument', id)).toMatch(
      /what +Acme Labs .* assigns 1\/3[^]*in force +since entry/,
    );
  }, 60_000);
});

describe('the abstract of title', () => {
  it('is proved from the signed records, and kept in a file', async () => {
    kept = users.path('abstract.json');
    const judged = await done<AbstractFile & { verdict: string }>('stranger', 'title', 'abstract', model(), '-o', kept);
    expect(judged.verdict).toBe('proved');
    const { owners, instruments, interests } = judged.abstract;
    expect(Object.fromEntries(owners.map(({ party, share }) => [party, share]))).toEqual(await shares());
    expect(instruments.map(({ terms }) => terms.type)).toEqual([
      'assignment',
      'assignment',
      'pledge',
      'priority-hold',
      'assignment',
      'option',
      'exclusive-license',
      'co-ownership',
    ]);
    expect(instruments.flatMap(({ gaps }) => gaps).filter((gap) => gap.includes('not shown'))).toEqual([]);
    expect(interests).toHaveLength(2);
  }, 60_000);

  it('is printed from what was verified, the same each time, also from the kept file', async () => {
    const [once, twice, later] = ['once.pdf', 'twice.pdf', 'later.pdf'].map((name) => users.path(name)) as [
      string,
      string,
      string,
    ];
    for (const out of [once, twice]) await done('stranger', 'title', 'abstract', registration, '-o', out);
    const printed = await readFile(once);
    expect(printed.subarray(0, 5).toString('latin1')).toBe('%PDF-');
    expect(await readFile(twice)).toEqual(printed);
    await done('stranger', 'title', 'verify', kept, '--pdf', later);
    expect((await readFile(later)).subarray(0, 5).toString('latin1')).toBe('%PDF-');
    const nowhere = await say('stranger', 'title', 'abstract', registration, '--format', 'pdf');
    expect([nowhere.code, nowhere.value]).toEqual([2, expect.objectContaining({ code: 'usage', field: 'out' })]);
    const missing = await say('stranger', 'title', 'abstract', registration, '-o', users.path('no/such.pdf'));
    expect([missing.code, missing.value]).toEqual([4, expect.objectContaining({ code: 'unreachable' })]);
  }, 60_000);

  it('is refused where the server tells another story', async () => {
    const lying = async (path: string, change: (answer: Record<string, unknown>) => void) => {
      const original = globalThis.fetch;
      globalThis.fetch = async (input, init) => {
        const answer = await original(input, init);
        if (!(input as string).includes(path)) return answer;
        const body = (await answer.json()) as Record<string, unknown>;
        change(body);
        return new Response(JSON.stringify(body), { status: 200, headers: { 'content-type': 'application/json' } });
      };
      try {
        const { code, value } = await say('stranger', 'title', 'abstract', registration);
        return [code, value.code, value.detail];
      } finally {
        globalThis.fetch = original;
      }
    };
    const instrumentsOf = (page: Record<string, unknown>) => page['instruments'] as object[];
    const owners = await lying('?effective=', (title) => void (title['owners'] as object[]).pop());
    expect(owners).toEqual([1, 'proof_invalid', expect.stringMatching(/owns nothing; the statements prove 1\/4/)]);
    const hidden = await lying('/abstract?', (page) => void instrumentsOf(page).splice(1, 1));
    expect(hidden).toEqual([1, 'proof_invalid', expect.any(String)]);
    const shorter = await lying('/abstract?', (page) => void instrumentsOf(page).splice(-2));
    expect(shorter).toEqual([1, 'proof_invalid', expect.stringContaining('of the interest')]);
    const foreign = await lying('/abstract?', (page) => {
      const [first, second] = instrumentsOf(page) as { receipts: object[] }[];
      first!.receipts[1] = second!.receipts[1]!;
    });
    expect(foreign).toEqual([1, 'proof_invalid', expect.stringContaining('does nothing about')]);
    const endless = await lying('/abstract?', (page) => void (page['next'] = 0));
    expect(endless).toEqual([1, 'proof_invalid', expect.stringContaining('do not go on')]);
    const empty = await lying('/abstract?', (page) => void delete page['first']);
    expect(empty).toEqual([1, 'malformed_proof', expect.any(String)]);
  }, 120_000);

  it('of many pages is one story, whatever is recorded while they are read', async () => {
    const original = globalThis.fetch;
    const { interests, known } = await done<TitleView>('stranger', 'title', 'show', registration);
    const pages: string[] = [];
    globalThis.fetch = async (input, init) => {
      const url = input as string;
      if (!url.includes('/abstract?')) return original(input, init);
      const answer = await original(`${url}&limit=3`, init);
      pages.push(url);
      if (pages.length > 1) return answer;
      const hold = ['--to', 'Beta Corp', '--share', '1/12', '--until', '2999-12-31'];
      await done('carl', 'title', 'hold', registration, ...hold);
      await done('acme', 'title', 'release', interests[0]!.instrument);
      return answer;
    };
    try {
      const { abstract } = await done<AbstractFile>('stranger', 'title', 'abstract', registration);
      expect(abstract).toMatchObject({ known, interests: interests.map(({ instrument }) => ({ instrument })) });
      expect([pages.length, abstract.instruments.length]).toEqual([4, 8]);
    } finally {
      globalThis.fetch = original;
    }
    const { abstract } = await done<AbstractFile>('stranger', 'title', 'abstract', registration);
    expect(abstract.instruments).toHaveLength(9);
    expect(abstract.interests.map(({ kind }) => kind)).toEqual(['exclusive-license', 'priority-hold']);
  }, 120_000);

  describe('with the server stopped', () => {
    beforeAll(async () => {
      stopped = true;
      await app.close();
    });

    const verify = async (file: string, ...more: string[]) => {
      const { code, value } = await users.run<Problem & { verdict: string }>(
        'stranger',
        'title',
        'verify',
        file,
        ...more,
      );
      return [code, value.verdict ?? value.code, value.detail];
    };

    it('is verified from the file alone', async () => {
      expect(await verify(kept)).toEqual([0, 'proved', undefined]);
    }, 60_000);

    it('proves no origin to whoever trusts nobody', async () => {
      const { code, value } = await say<{ verdict: string }>('nobody', 'title', 'verify', kept);
      expect([code, value.verdict]).toEqual([1, 'consistent, origin unproven']);
    }, 60_000);

    it.each<[string, (file: AbstractFile) => void, string, RegExp]>([
      [
        'an owner',
        ({ abstract }) => void Object.assign(abstract.owners[0]!, { share: '1/1' }),
        'proof_invalid',
        /"owners"/,
      ],
      [
        'a day',
        ({ abstract }) => void Object.assign(abstract.instruments[0]!, { executedOn: '2020-01-01' }),
        'proof_invalid',
        /"instruments"/,
      ],
      ['a word more', ({ abstract }) => void Object.assign(abstract, { note: 'trust me' }), 'proof_invalid', /"note"/],
      [
        'the asset',
        ({ abstract }) => void Object.assign(abstract, { asset: 'registration_x' }),
        'proof_invalid',
        /not the record of/,
      ],
      [
        'how far it reaches',
        ({ abstract }) => void Object.assign(abstract, { known: abstract.known + 1 }),
        'proof_invalid',
        /is shown with/,
      ],
      [
        'a signature',
        ({ receipts }) => void (receipts.first.envelope.signatures[0]!.sig = signatureOf(receipts.instruments[0]![0]!)),
        'signature_invalid',
        /./,
      ],
      [
        'an index',
        ({ receipts }) => void Object.assign(receipts.instruments[0]![0]!, { index: 0 }),
        'proof_invalid',
        /./,
      ],
      [
        'an instrument out of the middle',
        ({ receipts }) => void receipts.instruments.splice(1, 1),
        'proof_invalid',
        /never came into force|does not follow/,
      ],
      [
        'an acceptance',
        ({ receipts }) => void receipts.instruments[0]!.pop(),
        'proof_invalid',
        /never came into force|does not follow/,
      ],
    ])('is refused when %s was tampered with', async (_, change, expected, sentence) => {
      const file = JSON.parse(await readFile(kept, 'utf8')) as AbstractFile;
      change(file);
      const tampered = users.path('tampered.json');
      await writeFile(tampered, JSON.stringify(file));
      const { code, value } = await say('stranger', 'title', 'verify', tampered);
      expect([code, value.code, value.detail]).toEqual([1, expected, expect.stringMatching(sentence)]);
    });

    it('is not read from what is no abstract', async () => {
      for (const text of ['no JSON', '{}', '[]']) {
        await writeFile(users.path('odd.json'), text);
        const { code, value } = await say('stranger', 'title', 'verify', users.path('odd.json'));
        expect([code, value.code]).toEqual([1, 'malformed_proof']);
      }
    }, 60_000);
  });
});
