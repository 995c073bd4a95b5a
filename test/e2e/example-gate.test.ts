import { expect, it } from '@jest/globals';
import { runBuilt } from '../support/server.ts';

it('the example serves the model behind the gate: 200, 401, 403, 429, 403', async () => {
  const { code, stdout, stderr } = await runBuilt(['scripts/example-gate.js', '--json']);
  const told = JSON.parse(stdout) as { ok: boolean; error?: string; answers: Record<string, number>; calls: number };
  expect([code, told.error, stderr]).toEqual([0, undefined, '']);
  expect(told.answers).toEqual({
    'with a token': 200,
    'without a token': 401,
    'wrong purpose': 403,
    'over the quota': 429,
    revoked: 403,
  });
  expect(told.calls).toBe(5);
}, 180_000);
