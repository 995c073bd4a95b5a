/**
 * Canonical JSON, RFC 8785 (JCS): no white space, members sorted by UTF-16 code units, numbers as ECMAScript prints
 * them. Two honest programs that agree on a value agree on its bytes, so a signature over the bytes is one over the value.
 *
 * What JSON.stringify would silently drop or change (undefined, NaN, functions, lone surrogates, class instances) is
 * refused, and `parseCanonical` takes only bytes that `canonicalize` could have written: duplicate members, `1.0`,
 * escaped slashes and trailing blanks all fail, so nobody can slip in a second reading of one statement.
 */
import { fromUtf8, utf8 } from './bytes.ts';
import { RegistryError } from './errors.ts';

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

/** Deeper nesting than this is refused before the parser recurses into it. */
export const MAX_DEPTH = 64;

/** @throws RegistryError `malformed_json` when the value has no canonical form */
export function canonicalize(value: unknown): Uint8Array {
  return utf8(write(value, []));
}

/** @throws RegistryError `malformed_json` unless `bytes` are exactly what `canonicalize` writes for their value */
export function parseCanonical(bytes: Uint8Array): Json {
  let text: string;
  try {
    text = fromUtf8(bytes);
  } catch (cause) {
    throw new RegistryError('malformed_json', 'The bytes are not JSON in UTF-8.', { cause });
  }
  return parseCanonicalText(text);
}

/**
 * The same for who has decoded the bytes: UTF-8 that decodes has one spelling, so texts that are equal stand for bytes
 * that are.
 */
export function parseCanonicalText(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new RegistryError('malformed_json', 'The bytes are not JSON in UTF-8.', { cause });
  }
  if (!isPlainlyCanonical(value, text) && write(value, []) !== text) {
    throw new RegistryError('malformed_json', 'The JSON is not in canonical form (RFC 8785).', {
      fix: 'Serialise it with sorted members, no white space and no duplicate members.',
    });
  }
  return value;
}

/**
 * True for nearly all that is canonical, and for nothing else, in a third of the time that writing it out takes: RFC 8785
 * is what ECMAScript serialises once the members are sorted and no lone surrogate hides behind an escape.
 */
const isPlainlyCanonical = (value: Json, text: string): boolean =>
  isSorted(value, 0) && !text.includes('\\ud') && JSON.stringify(value) === text;

function isSorted(value: Json, depth: number): boolean {
  if (value === null || typeof value !== 'object') return true;
  if (depth === MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((item) => isSorted(item, depth + 1));
  let before: string | undefined;
  // Unlike `Object.keys` this makes no list. JSON inherits no members, and one more would only cost the longer way.
  for (const name in value) {
    if (before !== undefined && before >= name) return false;
    if (!isSorted(value[name]!, depth + 1)) return false;
    before = name;
  }
  return true;
}

/** Printable ASCII without the quote and the backslash: what JSON spells as it is, and nearly all that is written. */
const PLAIN_TEXT = /^[ !#-[\]-~]*$/;

/** @param trail the members and indexes that led here; told only when something is refused */
function write(value: unknown, trail: (number | string)[]): string {
  if (trail.length > MAX_DEPTH) throw refuse(trail, `is nested deeper than ${MAX_DEPTH} levels`);
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refuse(trail, `is ${value}`);
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (PLAIN_TEXT.test(value)) return `"${value}"`;
    if (!value.isWellFormed()) throw refuse(trail, 'holds a lone surrogate');
    return JSON.stringify(value);
  }
  if (typeof value !== 'object') throw refuse(trail, `is of type ${typeof value}`);
  const depth = trail.length;
  let text = '';
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      trail[depth] = i;
      text += (i === 0 ? '' : ',') + write(value[i], trail);
      trail.length = depth;
    }
    return `[${text}]`;
  }
  if (!isPlain(value)) throw refuse(trail, 'is not a plain object');
  for (const name of Object.keys(value).sort()) {
    const spelled = write(name, trail);
    trail[depth] = name;
    text += `${text === '' ? '' : ','}${spelled}:${write(value[name], trail)}`;
    trail.length = depth;
  }
  return `{${text}}`;
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function refuse(trail: readonly (number | string)[], why: string): RegistryError {
  const path = `$${trail.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')}`;
  return new RegistryError('malformed_json', `The value at ${path} ${why}, which JSON cannot carry.`, { field: path });
}
