/**
 * Canonical JSON, RFC 8785 (JCS): no white space, members sorted by UTF-16 code units, numbers as ECMAScript prints
 * them. Two honest programs that agree on a value agree on its bytes, so a signature over the bytes is one over the value.
 *
 * What JSON.stringify would silently drop or change (undefined, NaN, functions, lone surrogates, class instances) is
 * refused, and `parseCanonical` takes only bytes that `canonicalize` could have written: duplicate members, `1.0`,
 * escaped slashes and trailing blanks all fail, so nobody can slip in a second reading of one statement.
 */
import { equalBytes, fromUtf8, utf8 } from './bytes.ts';
import { RegistryError } from './errors.ts';

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

/** Deeper nesting than this is refused before the parser recurses into it. */
export const MAX_DEPTH = 64;

/** @throws RegistryError `malformed_json` when the value has no canonical form */
export function canonicalize(value: unknown): Uint8Array {
  return utf8(write(value, '$', 0));
}

/** @throws RegistryError `malformed_json` unless `bytes` are exactly what `canonicalize` writes for their value */
export function parseCanonical(bytes: Uint8Array): Json {
  let value: Json;
  try {
    value = JSON.parse(fromUtf8(bytes)) as Json;
  } catch (cause) {
    throw new RegistryError('malformed_json', 'The bytes are not JSON in UTF-8.', { cause });
  }
  if (!equalBytes(canonicalize(value), bytes)) {
    throw new RegistryError('malformed_json', 'The JSON is not in canonical form (RFC 8785).', {
      fix: 'Serialise it with sorted members, no white space and no duplicate members.',
    });
  }
  return value;
}

function write(value: unknown, path: string, depth: number): string {
  if (depth > MAX_DEPTH) throw refuse(path, `is nested deeper than ${MAX_DEPTH} levels`);
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refuse(path, `is ${value}`);
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw refuse(path, 'holds a lone surrogate');
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item, i) => write(item, `${path}[${i}]`, depth + 1)).join(',')}]`;
  }
  if (typeof value === 'object' && isPlain(value)) {
    const members = Object.keys(value).sort();
    return `{${members.map((name) => `${write(name, path, depth)}:${write(value[name], `${path}.${name}`, depth + 1)}`).join(',')}}`;
  }
  throw refuse(path, `is ${typeof value === 'object' ? 'not a plain object' : `of type ${typeof value}`}`);
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function refuse(path: string, why: string): RegistryError {
  return new RegistryError('malformed_json', `The value at ${path} ${why}, which JSON cannot carry.`, { field: path });
}
