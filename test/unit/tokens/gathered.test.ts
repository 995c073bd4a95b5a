import { expect, test } from '@jest/globals';
import { Gathered } from '../../../src/tokens/gathered.ts';

test('asks together what comes together, and gives each its own answer', async () => {
  const rounds: number[][] = [];
  const doubled = new Gathered<number, number>((questions) => {
    rounds.push([...questions]);
    return Promise.resolve(questions.map((question) => 2 * question));
  });
  expect(await Promise.all([1, 2, 3].map((question) => doubled.ask(question)))).toEqual([2, 4, 6]);
  expect(await doubled.ask(4)).toBe(8);
  expect(rounds).toEqual([[1, 2, 3], [4]]);
});

test('gathers the next round while one is on its way', async () => {
  const rounds: number[][] = [];
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const slow = new Gathered<number, number>(async (questions) => {
    rounds.push([...questions]);
    await opened;
    return questions;
  });
  const first = slow.ask(1);
  await new Promise((resolve) => setImmediate(resolve));
  const later = [slow.ask(2), slow.ask(3)];
  open();
  expect(await Promise.all([first, ...later])).toEqual([1, 2, 3]);
  expect(rounds).toEqual([[1], [2, 3]]);
});

test('fails the round that failed, and answers the next', async () => {
  let calls = 0;
  const flaky = new Gathered<number, number>((questions) =>
    calls++ === 0 ? Promise.reject(new Error('gone')) : Promise.resolve(questions),
  );
  const failed = await Promise.allSettled([flaky.ask(1), flaky.ask(2)]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await flaky.ask(3)).toBe(3);
});
