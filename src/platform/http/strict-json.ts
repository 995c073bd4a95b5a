/**
 * JSON as requests may carry it: RFC 8259, at most 64 levels deep, and without the member names that reach an object's
 * prototype. The depth is counted before anything is parsed, since a deep document costs stack in whatever walks it.
 */
import { RegistryError } from '../../core/errors.ts';

const MAX_DEPTH = 64;

/** @throws RegistryError `malformed_json`, `invalid_input` */
export function parseStrictly(text: string): unknown {
  if (depthOf(text) > MAX_DEPTH) {
    throw new RegistryError('malformed_json', `The JSON is nested deeper than ${MAX_DEPTH} levels.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text, refusePrototypes);
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('malformed_json', 'The body is not JSON.', {
      fix: 'Check quotes, commas and brackets.',
      cause,
    });
  }
  return value;
}

function refusePrototypes(key: string, value: unknown): unknown {
  const poisoned =
    key === '__proto__' ||
    (key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype'));
  if (poisoned) throw new RegistryError('invalid_input', `A member must not be named ${key}.`, { field: key });
  return value;
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted) {
      if (character === '\\') i++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth--;
  }
  return deepest;
}
