/** Sealing, opening and erasing at the command line, by a party with a key of its own and by one without. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { Client } from '../support/client.ts';
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
