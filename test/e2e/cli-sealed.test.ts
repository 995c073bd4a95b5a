/** Sealing, opening and erasing at the command line, by a party with a key of its own and by one without. */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { anyDigest } from '../support/bodies.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { Client } from '../support/client.ts';
import { runCli } from '../unit/cli/support.ts';
import { Users, writeModel } from './cli-user.ts';

interface Sealed {
  sealed: string;
  subject: string;
  digests: string[];
  file: string;
  receipt: { index: number; statement: string };
}
interface LookedUp {
  verdict: string;
  matches: object[];
  possessions: { sealed: string; maker: string; subject: string; sealedIndex: number; openedIndex: number }[];
}

let app: TestApp;
let users: Users;
let acme: string;
let beta: string;
const model = () => users.path('model.safetensors');

beforeAll(async () => {
  app = await startTestApp();
  users = await Users.at(app.url);
  await users.do('registrar', 'login', '--api-key', `@${join(app.config.data, 'registrar.key')}`);
  acme = await users.join('registrar', 'acme', 'Acme Labs');
  beta = await users.join('registrar', 'beta', 'Beta Corp');
  await users.do('acme', 'keygen', '--register');
  await writeModel(model(), [1, 2, 3, 4]);
  await users.do('stranger', 'trust', 'pin');
}, 120_000);

afterAll(async () => {
  await users.remove();
  await app.close();
});

describe('a model that is sealed', () => {
  let sealed: Sealed;

  it('is on record as nothing that anybody finds; its secret stays in a file for its user alone', async () => {
    sealed = await users.do<Sealed>('acme', 'register', model(), '--sealed');
    expect(sealed.digests).toHaveLength(3);
    expect((await stat(sealed.file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(sealed.file, 'utf8'))).toMatchObject({ maker: acme, digests: sealed.digests });
    const { code, value } = await users.run('stranger', 'lookup', model());
    expect([code, value]).toEqual([3, expect.objectContaining({ code: 'not_found' })]);
    const receipt = await new Client(app.url).get(`/v1/receipts/${sealed.receipt.statement}`);
    expect(receipt.status).toBe(404);
  }, 60_000);

  it('is opened by nobody without the file', async () => {
    const { code, value } = await users.run('beta', 'open', sealed.sealed);
    expect([code, value]).toEqual([4, expect.objectContaining({ code: 'unreachable', field: 'sealed' })]);
    const copied = users.path('copied.json');
    await writeFile(copied, await readFile(sealed.file), { mode: 0o600 });
    const stolen = await users.run('beta', 'open', copied);
    expect([stolen.code, stolen.value]).toEqual([1, expect.objectContaining({ code: 'forbidden' })]);
    await writeFile(copied, '{}');
    expect((await users.run('acme', 'open', copied)).value).toMatchObject({ code: 'invalid_input' });
  }, 60_000);

  it('shows in a verified look-up once it is open, beside whoever registered it, and gives no title', async () => {
    await users.do(
      ...(['beta', 'register', model(), '--name', 'theirs', '--owner', 'Beta Corp', '--license', 'MIT'] as const),
    );
    const opened = await users.do<{ sealed: string; receipt: { index: number } }>('acme', 'open', sealed.sealed);
    const found = await users.do<LookedUp>('stranger', 'lookup', model());
    expect(found.verdict).toBe('proved');
    expect(found.matches).toMatchObject([{ maker: beta, precededBy: null }]);
    expect(found.possessions).toMatchObject([
      {
        sealed: sealed.sealed,
        maker: acme,
        subject: 'model',
        sealedIndex: sealed.receipt.index,
        openedIndex: opened.receipt.index,
      },
    ]);
    const kept = users.path('lookup.json');
    await writeFile(kept, JSON.stringify(found));
    expect(await users.do('stranger', 'log', 'verify', kept)).toMatchObject({ verdict: 'proved', receipts: 3 });
    const again = await users.run('acme', 'open', sealed.sealed);
    expect(again.value).toMatchObject({ code: 'state_conflict' });
  }, 60_000);

  it('is refused where the server tells another story about who had it', async () => {
    const { url } = app;
    const lying = async (change: (answer: { possessions: Record<string, unknown>[] }) => void) => {
      const original = globalThis.fetch;
      globalThis.fetch = async (input, init) => {
        const answer = await original(input, init);
        if (!(input as string).includes('/v1/provenance/') || !answer.ok) return answer;
        const body = (await answer.json()) as { possessions: Record<string, unknown>[] };
        change(body);
        return new Response(JSON.stringify(body), { status: 200, headers: { 'content-type': 'application/json' } });
      };
      try {
        return await users.runHere<LookedUp & { code: string }>('stranger', url, 'lookup', sealed.digests[0]!);
      } finally {
        globalThis.fetch = original;
      }
    };
    // What is told beside the receipts is not believed: it is read from them again.
    const told = await lying(({ possessions: [first] }) => Object.assign(first!, { maker: beta, sealedIndex: 0 }));
    expect(told.value.possessions).toMatchObject([{ maker: acme, sealedIndex: sealed.receipt.index }]);
    const swapped = await lying(({ possessions: [first] }) => {
      const { sealed: one, opening: two } = first!['receipts'] as Record<string, unknown>;
      first!['receipts'] = { sealed: two, opening: one };
    });
    expect([swapped.code, swapped.value.code]).toEqual([1, 'proof_invalid']);
  }, 60_000);
});

describe('what else is sealed', () => {
  it('evidence and datasets, also for a party for which the registry signs', async () => {
    const paper = users.path('paper.txt');
    await writeFile(paper, 'the contract');
    await mkdir(users.path('data'), { recursive: true });
    await writeFile(users.path('data/a'), 'a');
    for (const [path, subject] of [
      [paper, 'evidence'],
      [users.path('data'), 'dataset'],
    ] as const) {
      const { sealed, digests, receipt } = await users.do<Sealed>(
        'beta',
        'register',
        path,
        '--sealed',
        '--as',
        subject,
      );
      expect(digests).toHaveLength(1);
      await users.do('beta', 'open', sealed);
      expect(await users.do<LookedUp>('stranger', 'lookup', digests[0]!)).toMatchObject({
        matches: [],
        possessions: [{ sealed, maker: beta, subject, sealedIndex: receipt.index }],
      });
    }
  }, 60_000);

  it('nothing else, and with nothing told beside it', async () => {
    const files = async () => (await readdir(users.path('beta/sealed'))).length;
    const before = await files();
    for (const [options, field] of [
      [['--sealed', '--as', 'license'], 'as'],
      [['--sealed', '--name', 'digits'], 'name'],
      [['--sealed', '--upload'], 'upload'],
      [['--name', 'digits', '--license', 'MIT'], 'owner'],
    ] as const) {
      const { code, value } = await users.run('beta', 'register', model(), ...options);
      expect([code, value]).toEqual([2, expect.objectContaining({ code: 'usage', field })]);
    }
    expect(await files()).toBe(before);
  }, 60_000);
});

describe('a title that is sealed', () => {
  interface Title {
    sealed: string;
    values: { weightDigest: string; owners: object[] };
    file: string;
    receipt: Receipt;
  }
  interface Opening {
    stated: { field: string; value: unknown }[];
    receipt: Receipt;
    opened: { receipts: { sealed: Receipt; opening: Receipt; others: Receipt[] } };
  }
  interface Verified {
    verdict: string;
    code?: string;
    opened: { maker: string; subject: string; sealedIndex: number; digests: string[]; stated: object[] }[];
  }
  let title: Title;
  let opening: Opening;
  const weights = () => users.path('title.safetensors');
  const owners = () => [
    { party: acme, share: '2/3' },
    { party: beta, share: '1/3' },
  ];

  it('says what its owner states, and keeps all that opens it in a file for its user alone', async () => {
    await writeModel(weights(), [5, 6, 7, 8]);
    await writeFile(users.path('agreement.txt'), 'who owns it');
    title = await users.do<Title>(
      'acme',
      'seal',
      weights(),
      ...['--name', 'secret digits', '--license', 'Apache-2.0', '--instrument', users.path('agreement.txt')],
      ...['--owner', 'Acme Labs=2/3', 'Beta Corp=1/3', '--field', 'note=kept until the sale'],
    );
    expect(title.values).toMatchObject({ owners: owners(), note: 'kept until the sale' });
    expect((await stat(title.file)).mode & 0o777).toBe(0o600);
    const kept = JSON.parse(await readFile(title.file, 'utf8')) as { salts: string[] };
    expect(kept).toMatchObject({ subject: 'title', maker: acme, values: title.values });
    expect(new Set(kept.salts).size).toBe(16);
    const { code } = await users.run('stranger', 'lookup', weights());
    expect(code).toBe(3);
    const onRecord = Buffer.from(title.receipt.envelope.payload, 'base64').toString();
    for (const hidden of ['digits', 'Apache', title.values.weightDigest.slice(7), '2/3', beta]) {
      expect(onRecord).not.toContain(hidden);
    }
  }, 60_000);

  it('is written down before it is sent: the file is there when the sending fails', async () => {
    const files = async () => (await readdir(users.path('acme/sealed'))).sort();
    const before = await files();
    const original = globalThis.fetch;
    let found: string[] = [];
    globalThis.fetch = async (input, init) => {
      if (init?.method !== 'POST') return original(input, init);
      found = await files();
      throw new TypeError('fetch failed');
    };
    try {
      const { code, value } = await users.runHere('acme', app.url, 'seal', '--note', 'never sent');
      expect([code, value]).toEqual([4, expect.objectContaining({ code: 'unreachable' })]);
    } finally {
      globalThis.fetch = original;
    }
    expect(found).toHaveLength(before.length + 1);
    expect(await files()).toEqual(found);
  }, 60_000);

  it('opens a field at a time, and a look-up shows what was stated before a registration by somebody else', async () => {
    await users.do(
      ...(['beta', 'register', weights(), '--name', 'ours', '--owner', 'Beta Corp', '--license', 'MIT'] as const),
    );
    opening = await users.do<Opening>('acme', 'open', title.sealed, '--field', 'owners', 'weightDigest');
    expect(opening.stated.map(({ field }) => field)).toEqual(['weightDigest', 'owners']);
    const found = await users.do<LookedUp & { possessions: { stated: object[] }[] }>('stranger', 'lookup', weights());
    expect(found).toMatchObject({
      verdict: 'proved',
      matches: [{ maker: beta }],
      possessions: [{ sealed: title.sealed, maker: acme, subject: 'title', sealedIndex: title.receipt.index }],
    });
    expect(found.possessions[0]!.stated).toMatchObject([
      { field: 'weightDigest', value: title.values.weightDigest },
      { field: 'owners', value: owners() },
    ]);
    const twice = await users.run('acme', 'open', title.sealed, '--field', 'owners');
    expect([twice.code, twice.value]).toEqual([1, expect.objectContaining({ code: 'state_conflict' })]);
    const unknown = await users.run('acme', 'open', title.sealed, '--field', 'price');
    expect([unknown.code, unknown.value]).toEqual([2, expect.objectContaining({ code: 'usage', field: 'field' })]);
  }, 60_000);

  it('is verified without a network by whoever has the opening alone, and refused with any part of it changed', async () => {
    const verify = async (value: unknown) => {
      const file = users.path('opened.json');
      await writeFile(file, JSON.stringify(value));
      return users.runHere<Verified>('stranger', 'http://127.0.0.1:9', 'log', 'verify', file);
    };
    const { opened } = opening;
    const honest = await verify(opening);
    expect([honest.code, honest.value.verdict]).toEqual([0, 'proved']);
    expect(honest.value.opened).toMatchObject([
      { maker: acme, subject: 'title', sealedIndex: title.receipt.index, digests: [title.values.weightDigest] },
    ]);
    expect(honest.value.opened[0]!.stated).toMatchObject([
      { field: 'weightDigest' },
      { field: 'owners', value: owners() },
    ]);
    expect((await verify({ opened })).value).toEqual(honest.value);
    // What stands beside the receipts is not believed.
    expect((await verify({ opened: { ...opened, maker: beta, stated: [], sealedIndex: 0 } })).value).toEqual(
      honest.value,
    );

    const { sealed: first, opening: second } = opened.receipts;
    const flip = (text: string) => `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;
    const rewritten = (receipt: Receipt, change: (text: string) => string): Receipt => {
      const payload = Buffer.from(receipt.envelope.payload, 'base64').toString();
      expect(change(payload)).not.toBe(payload);
      return {
        ...receipt,
        envelope: { ...receipt.envelope, payload: Buffer.from(change(payload)).toString('base64') },
      };
    };
    const { fields } = JSON.parse(Buffer.from(second.envelope.payload, 'base64').toString()).predicate as {
      fields: { salt: string; proof: string[] }[];
    };
    const { envelope } = second;
    const signature = (receipt: Receipt) => ({
      ...receipt,
      envelope: { ...envelope, signatures: [{ ...envelope.signatures[0]!, sig: flip(envelope.signatures[0]!.sig) }] },
    });
    const otherSeal = await users.do<Title>('acme', 'seal', '--note', 'another one');
    const otherOpening = await users.do<Opening>('acme', 'open', otherSeal.sealed, '--field', 'note');
    const elsewhere = otherOpening.opened.receipts;
    const forgeries: Record<string, Partial<typeof opened.receipts>> = {
      'a share': { opening: rewritten(second, (text) => text.replace('"share":"2/3"', '"share":"3/3"')) },
      'a digest': { opening: rewritten(second, (text) => text.replaceAll(title.values.weightDigest, anyDigest())) },
      'a field': {
        opening: rewritten(second, (text) => text.replace('"field":"weightDigest"', '"field":"fileDigest"')),
      },
      'a salt': { opening: rewritten(second, (text) => text.replace(fields[0]!.salt, '0'.repeat(32))) },
      ...Object.fromEntries(
        fields.flatMap(({ proof }, i) =>
          proof.map((hash, at) => [
            `hash ${at} of field ${i}`,
            { opening: rewritten(second, (text) => text.replaceAll(hash, flip(hash))) },
          ]),
        ),
      ),
      'the commitment': {
        sealed: rewritten(first, (text) =>
          text.replace(/"commitment":"sha256:[0-9a-f]{64}"/, `"commitment":"${anyDigest()}"`),
        ),
      },
      'its signature': { opening: signature(second) },
      'its place': { opening: { ...second, index: second.index + 1 } },
      'the place of what was sealed': { sealed: { ...first, index: first.index - 1 } },
      'the proof of its place': { opening: { ...second, inclusionProof: second.inclusionProof.map(flip) } },
      'the proof of the other place': { sealed: { ...first, inclusionProof: first.inclusionProof.map(flip) } },
      'the key': { opening: { ...second, publicKey: first.publicKey } },
      'another sealed record': { sealed: elsewhere.sealed },
      'another opening': { opening: elsewhere.opening },
      'an opening of another record beside it': { others: [elsewhere.opening] },
      'the two exchanged': { sealed: second, opening: first },
      'no opening': { opening: first },
      'an opening before the sealing': { sealed: second },
    };
    for (const [what, change] of Object.entries(forgeries)) {
      const { code, value } = await verify({ opened: { receipts: { ...opened.receipts, ...change } } });
      expect([what, code, value]).toEqual([what, 1, expect.objectContaining({ code: expect.any(String) as unknown })]);
    }
  }, 120_000);

  it('opens wholly, and shows then that nothing is held back', async () => {
    const whole = await users.do<Opening>('acme', 'open', title.sealed);
    const said = Object.fromEntries(whole.stated.map(({ field, value }) => [field, value]));
    expect(said).toMatchObject({ name: 'secret digits', parents: null, datasets: null, note: 'kept until the sale' });
    expect(Object.keys(said)).toHaveLength(8);
    const agreement = await users.do<LookedUp>('stranger', 'lookup', said['instrument'] as string);
    expect(agreement.possessions).toMatchObject([{ sealed: title.sealed, sealedIndex: title.receipt.index }]);
    const again = await users.run('acme', 'open', title.sealed);
    expect(again.value).toMatchObject({ code: 'state_conflict', field: 'sealed' });
    const { out } = await runCli(['lookup', weights()], users.env('stranger'));
    expect(out).toContain('stated then  weightDigest: ');
    expect(out).toContain(`owners: 2/3  ${acme}`);
    expect(out).toContain('parents: (nothing)');
  }, 60_000);

  it('is opened by nobody whose file is lost or changed, and that is told before anything goes on record', async () => {
    const { sealed, file } = await users.do<Title>('beta', 'seal', '--note', 'first');
    const text = await readFile(file, 'utf8');
    await rm(file);
    const lost = await users.run('beta', 'open', sealed);
    expect([lost.code, lost.value]).toEqual([
      4,
      expect.objectContaining({
        code: 'unreachable',
        detail: expect.stringContaining('without it nobody can open') as unknown,
      }),
    ]);
    await writeFile(file, text.replace('"first"', '"second"'), { mode: 0o600 });
    const changed = await users.run('beta', 'open', sealed);
    expect([changed.code, changed.value]).toEqual([1, expect.objectContaining({ code: 'digest_mismatch' })]);
    const { body } = await new Client(app.url).get(`/v1/sealed/${sealed}`);
    expect(body).toMatchObject({ code: 'not_found' });
    await writeFile(file, text, { mode: 0o600 });
    expect(await users.do('beta', 'open', sealed, '--field', 'note')).toMatchObject({ stated: [{ value: 'first' }] });
  }, 60_000);

  it.each<[string, string[], string, string | undefined]>([
    ['nothing', [], 'usage', undefined],
    ['an unknown field', ['--field', 'price=1'], 'usage', 'field'],
    ['a field without a value', ['--field', 'note'], 'usage', 'field'],
    ['a field twice', ['--note', 'a', '--field', 'note=b'], 'usage', 'note'],
    ['a digest that is none', ['--field', 'weightDigest=abc'], 'invalid_input', 'weightDigest'],
    ['shares that do not add up', ['--owner', 'Acme Labs=1/2'], 'shares_invalid', 'owners'],
    [
      'no license',
      ['--field', 'license={"expression":"mine","textDigest":null}'],
      'license_unknown',
      'license.expression',
    ],
  ])('is refused with %s, before anything is kept', async (_, options, code, field) => {
    const files = async () => (await readdir(users.path('beta/sealed'))).length;
    const before = await files();
    const { value } = await users.runHere('beta', app.url, 'seal', ...options);
    expect(value).toMatchObject({ code, ...(field === undefined ? {} : { field }) });
    expect(await files()).toBe(before);
  });

  it('alone opens by fields: what was sealed as digests opens whole', async () => {
    const { sealed } = await users.do<Sealed>(
      'beta',
      'register',
      users.path('agreement.txt'),
      '--sealed',
      '--as',
      'evidence',
    );
    const { code, value } = await users.run('beta', 'open', sealed, '--field', 'instrument');
    expect([code, value]).toEqual([2, expect.objectContaining({ code: 'usage', field: 'field' })]);
  }, 60_000);
});

describe('a name', () => {
  it('is erased by its own party when it means it, for a reason that can go on record', async () => {
    expect((await users.run('acme', 'party', 'erase')).value).toMatchObject({ code: 'usage', field: 'yes' });
    const odd = await users.run('acme', 'party', 'erase', '--yes', '--reason', 'I said so');
    expect(odd.value).toMatchObject({ code: 'usage', field: 'reason' });
    expect(await users.do('stranger', 'lookup', model())).toMatchObject({ verdict: 'proved' });
    expect(await users.do('acme', 'party', 'erase', '--yes')).toMatchObject({ party: acme });
    expect(await users.do('beta', 'party', 'show', acme)).toMatchObject({ name: null });
  }, 60_000);

  it('of another party is erased by the registrar alone', async () => {
    const { code, value } = await users.run('acme', 'party', 'erase', 'Beta Corp', '--yes');
    expect([code, value]).toEqual([3, expect.objectContaining({ code: 'not_found' })]);
    await users.do('registrar', 'party', 'erase', 'Beta Corp', '--yes', '--reason', 'legal-order');
    const found = await users.do<{ matches: { owners: { name: string | null }[] }[] }>('stranger', 'lookup', model());
    expect(found.matches[0]!.owners).toMatchObject([{ party: beta, name: null }]);
  }, 60_000);

  it('of a rights-holder who is no party is kept beside the record, and erased from there', async () => {
    await mkdir(users.path('faces'), { recursive: true });
    await writeFile(users.path('faces/a'), 'faces');
    const facts = ['--license', 'CC0-1.0', '--origin', 'https://example.org/f', '--holder', 'Jo Doe', '--no-upload'];
    const added = await users.do('acme', 'dataset', 'add', users.path('faces'), ...facts);
    expect(added).toMatchObject({ holder: { name: 'Jo Doe', party: null } });
    expect(JSON.stringify((added as { receipt: object }).receipt)).not.toContain('Jo Doe');
    const again = await users.run('acme', 'dataset', 'add', users.path('faces'), ...facts);
    expect([again.value, again.stderr]).toEqual([
      expect.objectContaining({ known: true }),
      expect.not.stringContaining('says something else'),
    ]);
    await users.do('acme', 'dataset', 'erase-holder', 'faces', '--yes');
    expect(await users.do('stranger', 'dataset', 'show', 'faces')).toMatchObject({ holder: { name: null } });
  }, 60_000);
});
