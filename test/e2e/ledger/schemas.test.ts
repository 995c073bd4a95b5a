import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KINDS } from '../../../src/core/registry/index.ts';
import type { TestApp } from '../../support/app.ts';
import { startTestApp } from '../../support/app.ts';

describe('the schemas of statements', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  const get = async (path: string) => {
    const response = await fetch(`${app.url}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it.each([...KINDS.values()].map(({ kind, predicateType }) => [kind, predicateType]))(
    'publishes the JSON Schema of "%s", closed to unknown members',
    async (kind, predicateType) => {
      const { status, body } = await get(`/v1/schemas/${kind}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ $id: predicateType, type: 'object', additionalProperties: false });
      const ofCommon = ['run', 'model-signature'].includes(kind)
        ? ['muniment_statement']
        : ['origin', 'maker', 'id', 'nonce', 'statedAt', 'basis'];
      expect(body['required']).toEqual(expect.arrayContaining(ofCommon));
    },
  );

  it('lists every kind there is', async () => {
    const { body } = await get('/v1/schemas');
    expect((body as unknown as { predicateType: string }[]).map((kind) => kind.predicateType)).toEqual([
      ...KINDS.keys(),
    ]);
  });

  it('answers a kind that does not exist with 404', async () => {
    expect(await get('/v1/schemas/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});
