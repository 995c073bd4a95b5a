/**
 * The stories of docs/title.md, run as they stand there: each party on a machine of its own with a key of its own, the
 * program as people start it. An id that ends in `…` stands for the thing of that kind that was made last, an instrument
 * for the last one that the party has to answer; a block of `text` tells what the command before it shows, column by column.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { blocksOf, LastIds, shows, wordsOf } from '../support/page.ts';
import { runBuilt } from '../support/server.ts';
import { writeModel } from './cli-user.ts';

jest.setTimeout(300_000);

const page = await readFile(new URL('../../docs/title.md', import.meta.url), 'utf8');
const stories = page
  .slice(page.indexOf('\n## Four stories\n'))
  .split('\n### ')
  .slice(1)
  .map((text) => ({
    title: text.slice(0, text.indexOf('\n')),
    blocks: blocksOf(text),
  }));

let replicas: TestApp[];
let folder: string;
const path = (name: string) => join(folder, name);

async function run(actor: string, words: string[], replica = 0): Promise<{ code: number | null; said: string }> {
  const home = path(`home of ${actor}`);
  const env = { MUNIMENT_HOME: home, MUNIMENT_URL: replicas[replica]!.url };
  // A login is for one address.
  const login = replica === 0 ? [] : ['--api-key', `@${path(`${actor}.key`)}`, '--key', join(home, 'signing.key')];
  const { code, stdout, stderr } = await runBuilt(['src/cli/main.js', ...words, ...login], env);
  return { code, said: stdout + stderr };
}

async function done(actor: string, words: string[]): Promise<string> {
  const { code, said } = await run(actor, words);
  if (code !== 0) throw new Error(`${actor}: muniment ${words.join(' ')} ended with ${code}: ${said}`);
  return said;
}

beforeAll(async () => {
  const first = await startTestApp();
  replicas = [first, await startTestApp({ beside: first })];
  folder = await mkdtemp(join(tmpdir(), 'muniment-stories-'));
  await done('Registrar', ['login', '--api-key', `@${join(first.config.data, 'registrar.key')}`]);
  const actors = new Set(page.match(/(?<=^# )\w+(?: \w+)?$/gm)!.filter((actor) => actor !== 'Title'));
  for (const actor of actors) {
    if (actor !== 'Stranger') {
      await done('Registrar', ['party', 'create', actor, '--api-key-file', path(`${actor}.key`)]);
      await done(actor, ['login', '--api-key', `@${path(`${actor}.key`)}`]);
      await done(actor, ['keygen', '--register']);
    }
    await done(actor, ['trust', 'pin']);
  }
  for (const [i, name] of ['spectra', 'fast', 'mine', 'gears'].entries()) {
    await writeModel(path(`${name}.safetensors`), [i, 1, 2, 3]);
  }
  for (const name of ['sale', 'agreement', 'plan']) await writeFile(path(`${name}.pdf`), `a signed ${name}`);
});
afterAll(async () => {
  for (const replica of replicas.reverse()) await replica.close({ keep: replica !== replicas.at(-1) });
  await rm(folder, { recursive: true, force: true });
});

/** Of an instrument, a party is asked for the last offer that it was named in. */
const ids = new LastIds();

async function resolved(actor: string, words: string[]): Promise<string[]> {
  return Promise.all(
    words.map(async (word) => {
      if (ids.kindOf(word) !== 'instrument') return ids.resolve(word);
      const offers = JSON.parse(await done(actor, ['title', 'offers', '--json'])) as {
        instrument: { id: string; recordedIndex: number };
        yours: boolean;
      }[];
      const [last] = offers
        .filter(({ yours }) => yours)
        .map(({ instrument }) => instrument)
        .sort((a, b) => b.recordedIndex - a.recordedIndex);
      return last!.id;
    }),
  );
}

it('finds four stories', () => {
  expect(stories.map(({ title }) => title)).toEqual([
    'Three make a model, one sells',
    'Two buyers of one share',
    'An employee registers first',
    'A company merges into another one',
  ]);
});

describe.each(stories)('$title', ({ blocks }) => {
  it('goes as it is told', async () => {
    let said = '';
    let actor = '';
    for (const { language, lines } of blocks) {
      if (language === 'text') {
        for (const line of lines) expect([line, said, shows(said, line)]).toEqual([line, said, true]);
        continue;
      }
      said = '';
      const atOnce: Promise<{ code: number | null; said: string }>[] = [];
      for (const line of lines) {
        if (line.startsWith('# ')) {
          actor = line.slice(2);
          continue;
        }
        expect(line).toMatch(/^muniment /);
        const words = await resolved(actor, wordsOf(line, path));
        if (language === 'sh at once') {
          atOnce.push(run(actor, words, atOnce.length));
          continue;
        }
        const answer = await done(actor, words);
        said += answer;
        ids.remember(answer);
      }
      if (atOnce.length === 0) continue;
      const answers = await Promise.all(atOnce);
      expect(answers.map(({ code }) => code).sort()).toEqual([0, 1]);
      expect(answers.find(({ code }) => code === 1)!.said).toContain('holds no share');
    }
  });
});
