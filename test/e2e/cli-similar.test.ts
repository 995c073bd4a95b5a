/** A thief's copy is found by its fingerprint, and a stranger's model is not taken for one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { SimilarReport } from '../../src/cli/similar-models.ts';
import type { SimilarView } from '../../src/cli/views.ts';
import type { Digest } from '../../src/core/digest.ts';
import { formatFingerprint } from '../../src/core/fingerprint/document.ts';
import { fingerprintOf } from '../../src/core/fingerprint/fingerprint.ts';
import type { Stack } from '../../src/core/fingerprint/stack.ts';
import { sha256 } from '../../src/platform/crypto.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import { denseStack, disguised, noisy, rearranged, safetensorsOf } from '../support/stacks.ts';
import type { Caller } from '../support/training.ts';
import { makeParty, registrar } from '../support/training.ts';
import { runCli } from '../unit/cli/support.ts';

/** Enough for p ≤ 0.05 of one candidate, which five of them would not reach. */
const STRANGERS = 24;

let app: TestApp;
let owner: Caller;
let stranger: Caller;
let folder: string;
let registration = '';

const at = (name: string) => join(folder, name);
const model = (seed: number): Stack => denseStack(seed, 64, 24, 10);

beforeAll(async () => {
  app = await startTestApp();
  const operator = await registrar(app.url, app.config.data);
  [owner, stranger] = [await makeParty(operator, 'Ada'), await makeParty(operator, 'Ben')];
  folder = await mkdtemp(join(tmpdir(), 'muniment-similar-'));
  await save('original', model(1));
  await save('copy', disguised(noisy(model(1), 0.3, 2), 3));
  const half = Array.from({ length: 18 }, (_, i) => i + 3);
  await save(
    'cut',
    rearranged(
      model(1),
      0,
      half,
      half.map(() => 2),
    ),
  );
  await save('other', model(2));
  for (let i = 0; i < STRANGERS / 3; i++) {
    const maker = await makeParty(operator, `Maker ${i}`);
    for (let k = 0; k < 3; k++) await state(maker, model(100 + 3 * i + k));
  }
  registration = await register('original', owner);
}, 240_000);

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

async function state(maker: Caller, stack: Stack, different: Parameters<typeof modelOf>[1] = {}): Promise<string> {
  const { id } = await maker.ok<{ id: string }>('POST', '/v1/models', modelOf(maker.party, different));
  const fingerprint = formatFingerprint(fingerprintOf(sha256, stack));
  await maker.ok('POST', '/v1/fingerprints', { registration: id, fingerprint });
  return id;
}

const save = (name: string, stack: Stack): Promise<void> => writeFile(at(`${name}.safetensors`), safetensorsOf(stack));

const run = (caller: Caller, ...argv: string[]) =>
  runCli(argv, { MUNIMENT_URL: app.url, MUNIMENT_HOME: at(`home-${caller.party}`), MUNIMENT_API_KEY: caller.key });

async function register(name: string, caller: Caller): Promise<string> {
  const file = at(`${name}.safetensors`);
  const terms = ['--owner', caller.party, '--license', 'MIT'];
  const { out, notes } = await run(caller, 'register', file, '--name', name, ...terms, '--json');
  expect(notes).not.toMatch(/error/);
  return (JSON.parse(out) as { id: string }).id;
}

async function report(...argv: string[]): Promise<SimilarReport> {
  const { code, out, notes } = await run(stranger, 'similar', ...argv, '--json');
  expect({ code, notes }).toMatchObject({ code: 0 });
  return JSON.parse(out) as SimilarReport;
}

describe('a fingerprint', () => {
  it('is computed here and told in few words', async () => {
    const { code, out } = await run(owner, 'fingerprint', at('original.safetensors'));
    expect(code).toBe(0);
    expect(out).toMatch(/^shape +64-24-10\nlayer 1 +24 of 24 neurons\n/);
  });

  it('is put on record by the owner of the model, once', async () => {
    const { code, out } = await run(owner, 'fingerprint', at('original.safetensors'), '--record');
    expect(code).toBe(0);
    expect(out).toContain(registration);
    const again = await run(owner, 'fingerprint', at('original.safetensors'), '--record');
    expect(again).toMatchObject({ code: 1, notes: expect.stringContaining('already on record') as unknown });
  });

  it('is not put on record by others', async () => {
    const { code, notes } = await run(stranger, 'fingerprint', at('original.safetensors'), '--record');
    expect(code).toBe(3);
    expect(notes).toContain('You own no registration');
  });
});

describe('a look for near copies', () => {
  it.each(['copy', 'cut'])('finds the model that was suspected: %s', async (name) => {
    const { findings, by } = await report(at(`${name}.safetensors`), '--against', registration);
    expect(by).toBeNull();
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ near: true, n: STRANGERS, pValue: 1 / (1 + STRANGERS) });
    expect(findings[0]!.words).toBe('It shares its initialization with this model, or one derives from the other.');
  });

  it('does not take a model of somebody else for a copy', async () => {
    const { findings } = await report(at('other.safetensors'), '--against', registration);
    expect(findings[0]).toMatchObject({ near: false });
  });

  it('does not accuse by models that one party made up', async () => {
    const [victim, apart] = [denseStack(1, 48, 24, 10), denseStack(2, 48, 24, 10)];
    for (let seed = 0; seed < STRANGERS; seed++) await state(stranger, denseStack(50 + seed, 48, 24, 10));
    const accused = await state(owner, victim);
    await save('apart', apart);
    const { findings } = await report(at('apart.safetensors'), '--against', accused);
    expect(findings[0]).toMatchObject({ near: false, n: 3 });
    expect(findings[0]!.words).toMatch(/^Nothing can be said: 3 older models .*, and 19 are needed\.$/);
  });

  it('knows a file that is on record, and does not bring up itself', async () => {
    const { findings, registration: own } = await report(at('original.safetensors'));
    expect(own).toBe(registration);
    expect(findings.map(({ model: found }) => found.registration)).not.toContain(registration);
    const { out } = await run(stranger, 'similar', at('original.safetensors'));
    expect(out).toContain(`This model is on record itself, as ${registration}.`);
  });

  it('brings the original up among all on record, as a lead', async () => {
    const { findings, by } = await report(at('copy.safetensors'));
    expect(by).toBe('scan');
    expect(findings).toHaveLength(5);
    expect(findings[0]!.model).toMatchObject({ registration, name: 'original', maker: owner.party });
    expect(findings[0]!.words).toMatch(
      /^Unrelated models of the benchmark never passed a score of 1\.59; .*24 older models .*, and 99 are needed\.$/,
    );
    const { out } = await run(stranger, 'similar', at('copy.safetensors'));
    expect(out).toMatch(/a lead, until it was suspected before/);
  });

  it('takes a model on record by its id, and does not find it near itself', async () => {
    const { findings } = await report(registration);
    expect(findings.map(({ model: found }) => found.registration)).not.toContain(registration);
  });

  it('finds it as well when copies of it were registered since, declared or not', async () => {
    const { weights } = await owner.ok<{ weights: { weightDigest: Digest } }>('GET', `/v1/models/${registration}`);
    const parents = [{ digest: weights.weightDigest, relation: 'fine-tuned-from' as const }];
    for (const seed of [41, 42, 43]) {
      await state(stranger, disguised(noisy(model(1), 0.3, seed), seed), { parents });
      await state(owner, disguised(noisy(model(1), 0.3, seed), seed));
    }
    const { findings } = await report(at('copy.safetensors'), '--against', registration, '--check-all');
    expect(findings[0]).toMatchObject({ near: true, n: STRANGERS, pValue: 1 / (1 + STRANGERS) });
  });

  describe('from a registry that lies about strangers', () => {
    type Unrelated = SimilarView['unrelated'];
    afterEach(() => {
      jest.restoreAllMocks();
    });

    it.each<[string, (honest: Unrelated) => Unrelated, RegExp, ...string[]]>([
      ['one is younger', (all) => aged(all, 100_000), /is not older than what is compared/],
      ['one is said to be older than it is', (all) => aged(all, 1), /not the one that is on record/, '--check-all'],
      ['four are of one registrant', (all) => all.map((one) => ({ ...one, registrant: 'ada' })), /ada has 4 of them/],
      [
        'each is said to be of somebody else',
        (all) => all.map((one, i) => ({ ...one, registrant: `party ${i}` })),
        /was registered by party_/,
        '--check-all',
      ],
      ['one counts twice', (all) => [all[0]!, all[0]!], /or named twice/],
    ])('is refused: %s', async (_, lie, because, ...more) => {
      const honest = globalThis.fetch;
      jest.spyOn(globalThis, 'fetch').mockImplementation(async (...asked) => {
        const answer = await honest(...asked);
        if (!answer.url.endsWith('/v1/similar')) return answer;
        const view = (await answer.json()) as SimilarView;
        return Response.json({ ...view, unrelated: lie(view.unrelated) });
      });
      const argv = ['similar', at('copy.safetensors'), '--against', registration, ...more];
      const { code, notes } = await run(stranger, ...argv);
      expect({ code, notes }).toMatchObject({ code: 1, notes: expect.stringMatching(because) as unknown });
    });

    const aged = ([first, ...others]: Unrelated, recordedIndex: number): Unrelated => [
      ...others,
      { ...first!, recordedIndex },
    ];
  });

  it('compares two files, and asks nobody', async () => {
    const offline = { MUNIMENT_URL: 'http://127.0.0.1:1', MUNIMENT_HOME: at('home') };
    const files = [at('original.safetensors'), at('copy.safetensors')] as const;
    const { code, out } = await runCli(['similar', files[0], '--with', files[1], '--json'], offline);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ shapes: ['64-24-10', '64-24-10'], layers: [{ pairs: 24 }] });
  });

  it('says why a model has no fingerprint', async () => {
    await writeFile(at('notes.txt'), 'not weights');
    const { code, notes } = await run(stranger, 'similar', at('notes.txt'));
    expect(code).toBe(1);
    expect(notes).toMatch(/no container of weights/);
  });
});
