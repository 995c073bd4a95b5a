/**
 * The three pages of docs/licensing.md, run as they stand there: each party on a machine of its own with a key of its own,
 * the program as people start it. A block of `text` tells what the commands before it show, one of `sh refused` what has
 * to fail.
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

const text = await readFile(new URL('../../docs/licensing.md', import.meta.url), 'utf8');
const pages = text
  .split('\n## ')
  .slice(1)
  .map((page) => ({ title: page.slice(0, page.indexOf('\n')), blocks: blocksOf(page) }));

let app: TestApp;
let folder: string;
const path = (name: string) => join(folder, name);
const ids = new LastIds();

async function run(actor: string, words: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { MUNIMENT_HOME: path(`home of ${actor}`), MUNIMENT_URL: app.url };
  return runBuilt(['src/cli/main.js', ...words], env);
}

async function done(actor: string, words: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(actor, words);
  if (code !== 0) throw new Error(`${actor}: muniment ${words.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** @returns what was printed, to a file where the line says so */
async function command(actor: string, line: string, fails: boolean): Promise<string> {
  expect(line).toMatch(/^muniment /);
  const [typed, into] = line.split(' > ') as [string, string?];
  // There is no network here in which the page's host could be found.
  const words = wordsOf(typed, path).map((word) =>
    ids.resolve(word).replace('https://hooks.example.org', 'http://127.0.0.1:9'),
  );
  // A release is not fit while something is missing, and says so by its exit code.
  const bundle = words[1] === 'bundle' && words[0] === 'license';
  const { code, stdout, stderr } = await run(actor, words);
  if (bundle ? ![0, 1].includes(code!) : (code === 0) === fails) {
    throw new Error(`${actor}: ${line} ended with ${code}: ${stdout}${stderr}`);
  }
  if (into !== undefined) await writeFile(path(into), stdout);
  return stdout + stderr;
}

beforeAll(async () => {
  app = await startTestApp({ env: { MUNIMENT_WEBHOOK_TARGETS: 'loopback' } });
  folder = await mkdtemp(join(tmpdir(), 'muniment-licensing-'));
  await done('Registrar', ['login', '--api-key', `@${join(app.config.data, 'registrar.key')}`]);
  for (const actor of new Set(text.match(/(?<=^# )(?:Acme|Beta|Gamma|Delta) \w+$/gm))) {
    const key = path(`${actor.split(' ')[0]!}.key`);
    await done('Registrar', ['party', 'create', actor, '--api-key-file', key]);
    await done(actor, ['login', '--api-key', `@${key}`]);
    await done(actor, ['keygen', '--register']);
    await done(actor, ['trust', 'pin']);
  }
  await writeModel(path('digits.safetensors'), [1, 2, 3, 4]);
  const registered = ['--name', 'digits', '--owner', 'Acme Labs', '--license', 'MIT', '--upload'];
  await done('Acme Labs', ['register', path('digits.safetensors'), ...registered]);
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

it('finds a page for an owner, a consumer and a service operator', () => {
  expect(pages.map(({ title }) => title)).toEqual(['For an owner', 'For a consumer', 'For a service operator']);
});

describe.each(pages)('$title', ({ blocks }) => {
  it('every command does what the page says', async () => {
    let said = '';
    let actor = '';
    for (const { language, lines } of blocks) {
      if (language === 'text') {
        for (const line of lines) expect([line, said, shows(said, line)]).toEqual([line, said, true]);
        continue;
      }
      said = '';
      for (const line of lines) {
        if (line.startsWith('# ')) {
          actor = line.slice(2);
          continue;
        }
        const answer = await command(actor, line, language === 'sh refused');
        said += answer;
        ids.remember(answer, 'first');
      }
    }
  });
});
