/**
 * What request bodies may be: JSON, a DSSE envelope in JSON, and HTML form fields for the OAuth endpoints. Any other
 * type is refused with 415. `__proto__` and `constructor.prototype` are refused, they could change every object.
 */
import type { FastifyInstance } from 'fastify';
import { RegistryError } from '../../core/errors.ts';
import { isKeepable, parseStrictly } from './strict-json.ts';

export const DSSE_MEDIA_TYPE = 'application/vnd.dsse.envelope.v1+json';
export const FORM_MEDIA_TYPE = 'application/x-www-form-urlencoded';

export function registerBodyParsers(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(['application/json', DSSE_MEDIA_TYPE], { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? undefined : parseStrictly(String(body)));
    } catch (error) {
      done(error as Error);
    }
  });
  // Files stream through: the route that takes one knows how long it may be.
  fastify.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  fastify.addContentTypeParser(FORM_MEDIA_TYPE, { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, parseForm(String(body)));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** RFC 6749 §3.1: a parameter must not come twice. */
function parseForm(body: string): Record<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (fields.has(name)) {
      throw new RegistryError('invalid_input', `The field ${name.slice(0, 80)} comes twice.`, {
        field: name.slice(0, 80),
      });
    }
    if (!isKeepable(name) || !isKeepable(value)) {
      throw new RegistryError('invalid_input', 'A text holds U+0000 or a lone surrogate.', {
        field: name.slice(0, 80),
      });
    }
    fields.set(name, value);
  }
  return Object.fromEntries(fields);
}
