/** The API document is complete: what is not in it does not exist, and what is in it says what it answers. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { listRoutes } from '../../src/platform/auth/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { Client, Operator } from '../support/client.ts';
import { anyDigest, modelOf } from '../support/bodies.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(30_000);

interface Operation {
  requestBody?: { content?: Record<string, { schema?: object }> };
  parameters?: { name: string; in: string; schema?: object }[];
  responses: Record<string, { description: string; content?: Record<string, { schema?: object }> }>;
  security?: object[];
  tags?: string[];
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

/** The answer's body is of no meaning (RFC 7009 §2.2). */
const WITHOUT_ANSWER = ['POST /oauth/revoke'];
/** The address says it all. */
const WITHOUT_BODY = [
  'POST /v1/runs/{id}/cancel',
  'POST /v1/replay-jobs/{id}/cancel',
  'DELETE /v1/webhooks/{id}',
  'POST /v1/grants/{id}/usage-blocks/{block}/settle',
  'DELETE /v1/grants/{id}/seats/{holder}',
  'POST /v1/webhooks/{id}/deliveries/{deliveryId}/replay',
];

let app: TestApp;
let client: Client;
let document: Document;
let operations: [name: string, operation: Operation][];

beforeAll(async () => {
  app = await startTestApp();
  client = new Client(app.url);
  document = await client.read<Document>('/openapi.json');
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
});
afterAll(() => app.close());

const failing = (judge: (operation: Operation, name: string) => boolean) =>
  operations.filter(([name, operation]) => !judge(operation, name)).map(([name]) => name);
const success = ({ responses }: Operation) => Object.entries(responses).filter(([status]) => /^[23]/.test(status));

describe('/openapi.json', () => {
  it('describes every route that is served, and no other', () => {
    const served = app.app.routes
      .filter(({ method, path }) => !['HEAD', 'OPTIONS'].includes(method) && !/^\/(?:docs|openapi\.)/.test(path))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}')}`);
    expect(served.length).toBeGreaterThan(20);
    expect(operations.map(([name]) => name).sort()).toEqual(served.sort());
  });

  it('tells of every route what it answers when all is well: a schema, or that there is no body', () => {
    expect(
      failing((operation, name) => {
        const answers = success(operation);
        return (
          answers.length > 0 &&
          answers.every(([status, { content }]) =>
            ['204', '304'].includes(status) || WITHOUT_ANSWER.includes(name)
              ? content === undefined
              : Object.values(content ?? {}).some(
                  ({ schema }) => schema !== undefined && Object.keys(schema).length > 0,
                ),
          )
        );
      }),
    ).toEqual([]);
  });

  it('tells of every route that it may answer with a problem', () => {
    expect(
      failing(
        ({ responses }) =>
          JSON.stringify(responses['default']?.content?.['application/problem+json']?.schema) ===
          '{"$ref":"#/components/schemas/Problem"}',
      ),
    ).toEqual([]);
  });

  it('tells of every route that takes a body what the body is, and names every parameter with its shape', () => {
    expect(
      failing(
        ({ requestBody }, name) =>
          /^GET/.test(name) ||
          WITHOUT_BODY.includes(name) ||
          Object.values(requestBody?.content ?? {}).some(({ schema }) => schema !== undefined),
      ),
    ).toEqual([]);
    expect(failing(({ parameters = [] }) => parameters.every(({ schema }) => schema !== undefined))).toEqual([]);
    expect(
      failing(({ parameters = [] }, name) =>
        [...name.matchAll(/\{(\w+)\}/g)].every(([, taken]) =>
          parameters.some((parameter) => parameter.in === 'path' && parameter.name === taken),
        ),
      ),
    ).toEqual([]);
  });

  it('asks for a key exactly where the route does', () => {
    const secured = new Set(
      listRoutes(app.app.nest)
        .filter(({ requirement }) => requirement !== 'public')
        .flatMap(({ paths }) => paths.map((path) => path.replace(/:(\w+)/g, '{$1}'))),
    );
    expect(failing(({ security }, name) => security === undefined || secured.has(name.split(' ')[1]!))).toEqual([]);
    for (const path of ['/v1/parties', '/v1/whoami', '/v1/models/{id}/artifact']) {
      expect(document.paths[path]!['get']!.security).toEqual([{ apiKey: [] }]);
    }
  });

  it('leads nowhere: every reference in it is resolved by it, and every route has its place', () => {
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      expect(document.components.schemas).toHaveProperty([name!]);
    }
    expect([...text.matchAll(/"\$ref":"(?!#\/components\/schemas\/)[^"]*"/g)].map(([found]) => found)).toEqual([]);
    // What zod is made of must not leak into the schemas.
    expect(text).not.toMatch(/"(?:_zod|~standard|_def)"/);
    expect(failing(({ tags }) => (tags ?? []).length > 0)).toEqual([]);
  });

  it('tells the truth about what a registration, a look-up and a refusal answer', async () => {
    const operator = await Operator.of(app.url, app.config.data);
    const ada = await operator.makeParty();
    const body = modelOf(ada.id);
    const receipt = await ada.made<object>('/v1/models', body);
    const found = await client.read<object>(`/v1/provenance/${body.weights.fileDigest}`);
    const problem = (await client.get(`/v1/provenance/${anyDigest()}`)).body as object;
    for (const [schema, answer] of [
      ['Receipt', receipt],
      ['Provenance', found],
      ['Problem', problem],
    ] as const) {
      const { required, properties } = document.components.schemas[schema] as {
        required: string[];
        properties: object;
      };
      expect([schema, required.filter((name) => !(name in answer))]).toEqual([schema, []]);
      expect([schema, Object.keys(answer).filter((name) => !(name in properties))]).toEqual([schema, []]);
    }
  });
});

describe('/docs', () => {
  it('is served from here to the last byte', async () => {
    const page = await client.get('/docs');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => String(address));
    expect(loaded.length).toBeGreaterThan(2);
    for (const address of loaded) {
      const { origin, pathname } = new URL(address, `${app.url}/docs`);
      expect(origin).toBe(new URL(app.url).origin);
      const { status, text } = await client.get(pathname);
      expect([pathname, status]).toEqual([pathname, 200]);
      if (pathname.endsWith('.css')) expect(text).not.toMatch(/url\(["']?(?:https?:)?\/\//);
    }
    // The name of the SVG language looks like an address, but nobody fetches it.
    expect(page.text.replaceAll(/xmlns(?::\w+)?="[^"]*"/g, '')).not.toMatch(/https?:\/\//);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
  });
});
