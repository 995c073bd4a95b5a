/**
 * JSON as requests may carry it: RFC 8259, at most 64 levels deep, no member twice in one object, no text that a
 * database cannot keep, and without the member names that reach an object's prototype. The depth is counted before
 * anything is parsed, since a deep document costs stack in whatever walks it.
 */
import { RegistryError } from '../../core/errors.ts';

const MAX_DEPTH = 64;
const COLON = /[ \t\n\r]*:/y;

/** @throws RegistryError `malformed_json`, `invalid_input` */
export function parseStrictly(text: string): unknown {
  if (depthOf(text) > MAX_DEPTH) {
    throw new RegistryError('malformed_json', `The JSON is nested deeper than ${MAX_DEPTH} levels.`);
  }
  let value: unknown;
  try {
    value = UNSEEN.test(text) || !text.isWellFormed() ? JSON.parse(text, check) : JSON.parse(text);
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('malformed_json', 'The body is not JSON.', {
      fix: 'Check quotes, commas and brackets.',
      cause,
    });
  }
  const twice = repeatedName(text);
  if (twice !== undefined) {
    const field = twice.slice(0, 80);
    throw new RegistryError('malformed_json', `The member "${field}" comes twice in one object.`, { field });
  }
  return value;
}

/** Only text that holds one of these can hold what `check` refuses; nearly none does, and looking is cheaper. */
const UNSEEN = /\\u|__proto__|constructor/;

function check(key: string, value: unknown): unknown {
  if (!isKeepable(key) || (typeof value === 'string' && !isKeepable(value))) {
    throw new RegistryError('invalid_input', 'A text holds U+0000 or a lone surrogate.', { field: key.slice(0, 80) });
  }
  const poisoned =
    key === '__proto__' ||
    (key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype'));
  if (poisoned) throw new RegistryError('invalid_input', `A member must not be named ${key}.`, { field: key });
  return value;
}

/** PostgreSQL keeps no U+0000, and UTF-8 has no lone surrogates: they would come back as something else. */
export const isKeepable = (text: string): boolean => !text.includes('\0') && text.isWellFormed();

/**
 * The first name that two members of one object have, in text that has been parsed. RFC 8259 §4 leaves open which of
 * the two counts, so one reader could be shown what another is not.
 */
function repeatedName(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const start = i;
      i = endOfString(text, i);
      const names = open.at(-1);
      COLON.lastIndex = i + 1;
      if (names === undefined || !COLON.test(text)) continue;
      const name = JSON.parse(text.slice(start, i + 1)) as string;
      if (names.has(name)) return name;
      names.add(name);
    }
  }
  return undefined;
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') i = endOfString(text, i);
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth--;
  }
  return deepest;
}

/** Where the string that begins at `start` ends: at a quote behind an even number of backslashes, or with the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
