import { describe, expect, test } from '@jest/globals';
import { Turns } from '../../../src/fingerprints/turns.ts';

/** Work that ends when told to. */
function work(name: string, started: string[]) {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const run = async () => {
    started.push(name);
    await ended;
    return name;
  };
  return { run, end };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('of work that comes all at once', () => {
  test('so much runs, and the rest follows in order', async () => {
    const turns = new Turns(2, 10);
    const started: string[] = [];
    const works = ['a', 'b', 'c', 'd'].map((name) => work(name, started));
    const results = works.map(({ run }) => turns.take(run));
    await settle();
    expect(started).toEqual(['a', 'b']);
    works[1]!.end();
    await settle();
    expect(started).toEqual(['a', 'b', 'c']);
    for (const { end } of works) end();
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('what fails gives its turn on, too', async () => {
    const turns = new Turns(1, 10);
    const failed = turns.take(() => Promise.reject(new Error('no')));
    const next = turns.take(() => Promise.resolve('yes'));
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('yes');
    expect(await turns.take(() => Promise.resolve('again'))).toBe('again');
  });

  test('what comes when too many wait is refused, and what comes later is not', async () => {
    const turns = new Turns(1, 1);
    const started: string[] = [];
    const [first, second] = [work('a', started), work('b', started)];
    const results = [first, second].map(({ run }) => turns.take(run));
    await expect(turns.take(() => Promise.resolve())).rejects.toMatchObject({ code: 'rate_limited' });
    first.end();
    second.end();
    expect(await Promise.all(results)).toEqual(['a', 'b']);
    expect(await turns.take(() => Promise.resolve('c'))).toBe('c');
  });
});
