/**
 * The JSON documents of models of several files: an index of shards, a manifest. Whatever two readers could read
 * differently is refused, first of all a member that stands twice, of which one reader takes the first and another the last.
 */
import { fromUtf8 } from '../bytes.ts';
import { MAX_DEPTH } from '../canonical-json.ts';
import type { Json } from '../canonical-json.ts';
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { readPieces } from './byte-source.ts';
import { CHUNK_BYTES } from './digest.ts';
import { shown } from './header-json.ts';

/** An index of 250,000 tensors has about 25 MB. */
export const MAX_JSON_BYTES = 32 * CHUNK_BYTES;

export type JsonObject = Record<string, Json>;

/** @throws RegistryError `malformed_container` */
export async function readJson(source: ByteSource): Promise<JsonObject> {
  if (source.size > MAX_JSON_BYTES) {
    throw refuse(`The document has ${source.size} bytes; at most ${MAX_JSON_BYTES} are read.`, 'document');
  }
  let value: Json;
  try {
    const text = fromUtf8(await source.read(0, source.size));
    requireOneReading(text);
    value = JSON.parse(text) as Json;
  } catch (cause) {
    if (cause instanceof RegistryError && cause.code === 'malformed_container') throw cause;
    throw new RegistryError('malformed_container', 'The document is not JSON in UTF-8.', { field: 'document', cause });
  }
  return asObject(value, 'document');
}

/**
 * Whether the source begins as a JSON object does, is small enough to be read, and has all of these in it as they stand.
 * It may still be no JSON.
 */
export async function isJsonWith(source: ByteSource, ...wanted: string[]): Promise<boolean> {
  if (source.size > MAX_JSON_BYTES) return false;
  const decode = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);
  if (!/^[ \t\r\n]*\{/.test(decode(await source.read(0, Math.min(64, source.size))))) return false;
  const missing = new Set(wanted);
  let before = '';
  for await (const piece of readPieces(source, 0, source.size, CHUNK_BYTES)) {
    const text = before + decode(piece);
    for (const word of missing) if (text.includes(word)) missing.delete(word);
    if (missing.size === 0) return true;
    before = text.slice(-100);
  }
  return false;
}

/** @throws RegistryError `malformed_container` */
export function asObject(value: Json | undefined, field: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw refuse('Here an object is needed.', field);
}

/** @throws RegistryError `malformed_container` */
export function asArray(value: Json | undefined, field: string): Json[] {
  if (Array.isArray(value)) return value;
  throw refuse('Here a list is needed.', field);
}

/** @throws RegistryError `malformed_container` */
export function asString(value: Json | undefined, field: string): string {
  if (typeof value === 'string') return value;
  throw refuse('Here a string is needed.', field);
}

/** Before anything recurses into it: bounded nesting, and no name twice in one object. What is no JSON may pass. */
function requireOneReading(text: string): void {
  // Of each object that is open the names so far; of a list nothing.
  const open: (Set<string> | undefined)[] = [];
  let [start, end] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const mark = text[at];
    if (mark === '"') [start, end] = [at, (at = endOfString(text, at)) + 1];
    else if (mark === '{' || mark === '[') open.push(mark === '{' ? new Set() : undefined);
    else if (mark === '}' || mark === ']') open.pop();
    else if (mark === ':') {
      const name = JSON.parse(text.slice(start, end)) as string;
      if (open.at(-1)?.has(name) === true) throw refuse(`The name "${shown(name)}" stands twice.`, shown(name));
      open.at(-1)?.add(name);
    }
    if (open.length > MAX_DEPTH) throw refuse(`The document is nested deeper than ${MAX_DEPTH} levels.`, 'document');
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function refuse(sentence: string, field: string): RegistryError {
  return new RegistryError('malformed_container', sentence, { field });
}
