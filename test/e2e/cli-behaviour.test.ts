/** A behaviour goes on record, a suspect is scored against it, and whoever bends the rules is found out. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CHALLENGE_SCHEME } from '../../src/core/behaviour/challenges.ts';
import type { BehaviourOpening } from '../../src/core/behaviour/opening.ts';
import { writeSafetensors } from '../../src/core/weights/safetensors.ts';
import type { RunView } from '../../src/runs/index.ts';
import { chooseBackend, parseHyperparameters, readIdxFolder, train } from '../../src/training/index.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { modelOf } from '../support/bodies.ts';
import { anyDigest } from '../support/test-log.ts';
import type { Caller } from '../support/training.ts';
import {
  makeDataset,
  makeParty,
  registrar,
  runOf,
  smallMnistFiles,
  spawnWorker,
  until,
  workerEnvironment,
} from '../support/training.ts';
import { runCli } from '../unit/cli/support.ts';

let app: TestApp;
let owner: Caller;
let stranger: Caller;
let somebody: Caller;
let dataset: string;
let run: RunView;
let folder: string;
/** Of the registered model, and of one that was trained from another seed */
let [weights, other] = ['', ''];

const RECIPE = { epochs: 2, hidden: [16], learningRate: 0.05, optimizer: 'momentum' };
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  app = await startTestApp();
  const operator = await registrar(app.url, app.config.data);
  [owner, stranger] = [await makeParty(operator, 'Ada'), await makeParty(operator, 'Ben')];
  somebody = await makeParty(operator, 'Cleo');
  const files = await smallMnistFiles(1000, 200);
  folder = await mkdtemp(join(tmpdir(), 'muniment-behaviour-'));
  for (const { name, bytes } of files) await writeFile(at(name), bytes);
  dataset = await makeDataset(owner, files);
  const worker = await spawnWorker(workerEnvironment(app));
  const { id } = await owner.ok<RunView>('POST', '/v1/runs', runOf(owner, dataset, { ...RECIPE, seed: 5 }));
  run = await until(owner, id, ({ state }) => state === 'registered');
  await worker.stop();
  [weights, other] = [await trained('model', 5), await trained('other', 77)];
}, 240_000);

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

/** The file of a model by the recipe; by the seed of the run, the one that is registered. */
async function trained(name: string, seed: number): Promise<string> {
  const backend = await chooseBackend('wasm', { threads: 1 });
  try {
    const hyperparameters = parseHyperparameters({ ...RECIPE, seed });
    const { tensors } = await train({ hyperparameters, dataset: await readIdxFolder(folder), backend });
    await writeFile(at(`${name}.safetensors`), writeSafetensors(tensors));
    return at(`${name}.safetensors`);
  } finally {
    backend.dispose();
  }
}

const environment = (caller = owner) => ({
  MUNIMENT_URL: app.url,
  MUNIMENT_HOME: at(`home-${caller.party}`),
  MUNIMENT_API_KEY: caller.key,
});
const behaviour = (words: string[], caller = owner) => runCli(['behaviour', ...words, '--json'], environment(caller));
const done = async <T>(...words: string[]): Promise<T> => {
  const { code, out, notes } = await behaviour(words);
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${out} ${notes}`);
  return JSON.parse(out) as T;
};
const openingFile = () => at(`home-${owner.party}/behaviours/${run.registrationId}.json`);
const answer = (file: string, out: string) =>
  done('answer', file, '--challenges', at('challenges.npy'), '--out', at(out));
const score = (suspect: string, ...words: string[]) => [
  ...['score', run.registrationId!, '--suspect', at(suspect)],
  ...['--references', at('references.jsonl'), '--data', folder, ...words],
];

describe('muniment behaviour', () => {
  it('puts the behaviour of a model on record, once, by its owner', async () => {
    const words = ['record', run.registrationId!, '--data', folder, '--challenges', '200', '--weights'];
    expect((await behaviour([...words, weights], stranger)).code).toBe(1);
    const foreign = await behaviour([...words, other]);
    expect(JSON.parse(foreign.out)).toMatchObject({ code: 'digest_mismatch', field: 'weights' });
    // The seed is drawn by now, and nobody draws another: the second try goes on with it.
    const { seed } = await owner.ok<{ seed: object }>('GET', `/v1/behaviours/${run.registrationId}`);
    const recorded = await done<{ file: string; challenges: number }>(...words, weights);
    expect(recorded).toMatchObject({ registration: run.registrationId, challenges: 200, file: openingFile() });
    expect(await owner.ok('GET', `/v1/behaviours/${run.registrationId}`)).toMatchObject({
      seed,
      answers: { maker: owner.party },
    });
    expect(JSON.parse((await behaviour([...words, weights])).out)).toMatchObject({ code: 'already_exists' });
  });

  it('tells neither the challenges nor the answers to who has not the file that opens them', async () => {
    const opening = JSON.parse(await readFile(openingFile(), 'utf8')) as BehaviourOpening;
    const record = JSON.stringify(await somebody.ok('GET', `/v1/behaviours/${run.registrationId}`));
    expect(record).not.toContain(opening.secret);
    const { code, out } = await behaviour(['challenges', run.registrationId!, '--out', at('x.npy')], somebody);
    expect([code, JSON.parse(out)]).toMatchObject([4, { code: 'unreachable' }]);
  });

  it('finds the model by probabilities and by labels, and no other', async () => {
    const made = await done<{ challenges: string; count: number }>(
      ...['challenges', run.registrationId!, '--out', at('challenges.npy'), '--data', folder],
    );
    expect(made.count).toBe(200);
    const references = ['references', run.registrationId!, '--data', folder, '--challenges', at('challenges.npy')];
    const out = ['--out', at('references.jsonl')];
    expect(await done(...references, ...out, '--count', '3')).toMatchObject({ references: 3, trained: 3 });
    expect(await done(...references, ...out, '--count', '9')).toMatchObject({ references: 9, trained: 6 });

    await answer(weights, 'same.json');
    await answer(other, 'other.json');
    const same = await done(...score('same.json', '--weights', weights));
    expect(same).toMatchObject({
      pValue: 0.1,
      by: 'probabilities',
      challenges: 200,
      references: { count: 9 },
      verdict: 'too-few',
      answersChecked: true,
    });
    const { labels } = JSON.parse(readFileSync(at('same.json'), 'utf8')) as { labels: number[] };
    await writeFile(at('same.csv'), labels.join('\n'));
    expect(await done(...score('same.csv'))).toMatchObject({ pValue: 0.1, by: 'labels', answersChecked: false });
    const strange = await done<{ score: number; references: { largest: number } }>(...score('other.json'));
    expect(strange.score).toBeLessThan(0.2);
    const told = await runCli(['behaviour', ...score('same.json')], environment());
    expect(told.out).toMatch(/p +0\.100 \(9 references, 200 challenges, by probabilities\)/);
    expect(told.out).toMatch(/finding +none: 9 references are too few to tell; give 19 or more/);
    expect(told.out).toContain('who copied from whom');
    expect(told.out).not.toContain('%');
  });

  it('believes no opening but the one that was committed to', async () => {
    const kept = await readFile(openingFile(), 'utf8');
    const opening = JSON.parse(kept) as BehaviourOpening;
    const { probabilities, ...answers } = opening.answers;
    expect(probabilities).toHaveLength(200);
    const bent: [string, object, string][] = [
      ['other answers', { ...opening, answers }, 'answers'],
      ['another secret', { ...opening, secret: '00'.repeat(32) }, 'secret'],
    ];
    for (const [, change, field] of bent) {
      await writeFile(at('bent.json'), JSON.stringify(change), { mode: 0o600 });
      const { code, out } = await behaviour(score('same.json').with(1, at('bent.json')));
      expect([code, JSON.parse(out)]).toMatchObject([1, { code: 'proof_invalid', field }]);
    }
    const foreign = await behaviour(score('same.json', '--weights', other));
    expect(JSON.parse(foreign.out)).toMatchObject({ code: 'digest_mismatch', field: 'weights' });
  });

  it('finds answers on record that the registered weights do not give', async () => {
    const { id } = await owner.ok('POST', '/v1/models', { ...modelOf(owner.party), datasets: [dataset] });
    const words = ['record', id!, '--data', folder, '--challenges', '200'];
    expect(await done(...words)).toMatchObject({ registration: id, receipt: null });
    await done('challenges', id!, '--out', at('theirs.npy'), '--data', folder);
    const lies = Array.from({ length: 200 }, (_, i) => i % 10).join('\n');
    await writeFile(at('lies.csv'), lies);
    await done(...words, '--answers', at('lies.csv'));
    const asked = ['score', id!, '--suspect', at('lies.csv'), '--references', at('references.jsonl')];
    // Their owner's word: a score is told, and that nobody checked it. References to other challenges are refused.
    const { out } = await behaviour([...asked, '--data', folder]);
    expect(JSON.parse(out)).toMatchObject({ code: 'invalid_input', field: 'references' });
    const checked = await behaviour([...asked, '--data', folder, '--weights', weights]);
    expect(JSON.parse(checked.out)).toMatchObject({ code: 'digest_mismatch', field: 'weights' });
  });

  it.each<[string, () => Promise<string[]>, object]>([
    [
      'answers to other challenges',
      async () => {
        const answers = JSON.parse(await readFile(at('same.json'), 'utf8')) as object;
        await writeFile(at('bad.json'), JSON.stringify({ ...answers, challenges: anyDigest() }));
        return score('bad.json');
      },
      { code: 'invalid_input', field: 'suspect' },
    ],
    [
      'answers that are too few',
      async () => {
        await writeFile(at('bad.csv'), Array(150).fill('1').join('\n'));
        return score('bad.csv');
      },
      { code: 'invalid_input', field: 'suspect' },
    ],
    [
      'a file of answers that is none',
      async () => {
        await writeFile(at('bad.json'), '{"labels": [1');
        return score('bad.json');
      },
      { code: 'invalid_input' },
    ],
    [
      'challenges that are none',
      async () => ['answer', await Promise.resolve(weights), '--challenges', at('bad.csv'), '--out', at('x.json')],
      { code: 'malformed_container' },
    ],
    [
      'weights of no architecture here',
      async () => {
        const tensor = { name: 'w', dtype: 'F32' as const, shape: [1], data: new Uint8Array(4) };
        await writeFile(at('odd.safetensors'), writeSafetensors([tensor]));
        return ['answer', at('odd.safetensors'), '--challenges', at('challenges.npy'), '--out', at('x.json')];
      },
      { code: 'unsupported_container', field: 'weights' },
    ],
  ])('says what is wrong with %s', async (_, words, problem) => {
    const { code, out } = await behaviour(await words());
    expect(code).not.toBe(0);
    expect(JSON.parse(out)).toMatchObject(problem);
  });
});

describe('POST /v1/behaviours/seeds', () => {
  const asked = (registration: string, change: object = {}) => ({
    registration,
    dataset,
    scheme: CHALLENGE_SCHEME,
    challenges: 100,
    secretCommitment: anyDigest(),
    ...change,
  });

  it('draws for owners alone, once, and takes no value from them', async () => {
    const { id } = await owner.ok('POST', '/v1/models', modelOf(owner.party));
    const refusal = async (caller: Caller, body: object) => {
      const { status, body: problem } = await caller.call('POST', '/v1/behaviours/seeds', body);
      return [status, (problem as { code: string }).code];
    };
    expect(await refusal(stranger, asked(id!))).toEqual([403, 'forbidden']);
    expect(await refusal(owner, asked(id!, { value: '00'.repeat(32) }))).toEqual([400, 'invalid_input']);
    expect((await owner.call('GET', `/v1/behaviours/${id}`)).status).toBe(404);
    await owner.ok('POST', '/v1/behaviours/seeds', asked(id!));
    expect(await refusal(owner, asked(id!))).toEqual([409, 'already_exists']);
  });
});
