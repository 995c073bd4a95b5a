/**
 * The JWS compact serialization (RFC 7515 §7.1) read strictly, before any library sees it. Parsers disagree about what
 * is not quite right: of two members with one name they take the first or the last, they skip blanks and stray bits in
 * base64url. Whoever signs sees one token, whoever checks another; so there is one spelling, and the rest is refused.
 */
import { fromUtf8 } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical-json.ts';
import { RegistryError } from '../../core/errors.ts';

export interface CompactToken {
  readonly header: Record<string, Json>;
  readonly payload: Record<string, Json>;
}

/** @param maxSize characters @throws RegistryError `token_malformed` */
export function parseCompact(token: string, maxSize: number): CompactToken {
  if (typeof token !== 'string') throw malformed('The token is not a text.');
  if (token.length > maxSize) throw malformed(`The token is larger than ${maxSize} bytes.`);
  const parts = token.split('.');
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3) throw malformed('The token does not have the three parts of a signed one.');
  if (signature === '') throw malformed('The token carries no signature.', 'signature');
  decode(signature, 'signature');
  return { header: readObject(header, 'header'), payload: readObject(payload, 'payload') };
}

function readObject(part: string, name: string): Record<string, Json> {
  let text: string;
  let value: Json;
  try {
    text = fromUtf8(decode(part, name));
    value = JSON.parse(text) as Json;
  } catch (cause) {
    if (cause instanceof RegistryError && cause.code === 'token_malformed') throw cause;
    throw malformed(`The token's ${name} is not JSON in UTF-8.`, name, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`The token's ${name} is not a JSON object.`, name);
  }
  const twice = duplicateMember(text);
  if (twice !== undefined) throw malformed(`The token's ${name} names "${twice.slice(0, 40)}" twice.`, name);
  return value;
}

function decode(part: string, name: string): Uint8Array {
  const bytes = Buffer.from(part, 'base64url');
  if (part === '' || bytes.toString('base64url') !== part) {
    throw malformed(`The token's ${name} is not base64url without padding.`, name);
  }
  return new Uint8Array(bytes);
}

/**
 * The first member name that comes twice in one object, however it is escaped.
 * @param text JSON that `JSON.parse` has accepted
 */
export function duplicateMember(text: string): string | undefined {
  /** One entry for each open bracket: the names seen in an object, or undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  const colon = /\s*:/y;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = endOfString(text, i);
      const names = open.at(-1);
      colon.lastIndex = end;
      if (names && colon.test(text)) {
        const name = JSON.parse(text.slice(i, end)) as string;
        if (names.has(name)) return name;
        names.add(name);
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** The index after the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

const malformed = (message: string, field?: string, cause?: unknown): RegistryError =>
  new RegistryError('token_malformed', message, { ...(field === undefined ? {} : { field }), cause });
