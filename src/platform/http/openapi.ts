/** The OpenAPI document at /openapi.json and its page at /docs, all of it served from here: no CDN, no font from afar. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { ERROR_CODES } from '../../core/errors.ts';

export function serveOpenApi(app: NestFastifyApplication, version: string): void {
  const base = new DocumentBuilder()
    .setTitle('Muniment')
    .setDescription('Model provenance and licensing registry: whose weights are these, from what, on which terms.')
    .setVersion(version)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'mun_<id>_<secret>' }, 'apiKey')
    .build();
  SwaggerModule.setup('docs', app, () => withProblems(SwaggerModule.createDocument(app, base)), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Muniment API',
  });
}

/** Every operation may answer with a problem. */
function withProblems(document: OpenAPIObject): OpenAPIObject {
  document.components ??= {};
  document.components.schemas = {
    ...document.components.schemas,
    Problem: {
      type: 'object',
      description: 'RFC 9457 problem details',
      required: ['type', 'title', 'status', 'code', 'detail', 'requestId'],
      properties: {
        type: { type: 'string', description: 'urn:muniment:error:<code>' },
        title: { type: 'string' },
        status: { type: 'integer' },
        code: { type: 'string', enum: ERROR_CODES },
        detail: { type: 'string', description: 'One sentence for people' },
        field: { type: 'string', description: 'Path of the offending member' },
        fix: { type: 'string', description: 'What the caller can do about it' },
        requestId: { type: 'string' },
      },
    },
  };
  const problem = {
    description: 'A problem',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  for (const path of Object.values(document.paths)) {
    for (const operation of [path.get, path.put, path.post, path.delete, path.patch, path.head, path.options]) {
      if (operation) operation.responses = { ...operation.responses, default: problem };
    }
  }
  return document;
}
