/**
 * PKCS#11 URIs (RFC 7512) that name one key of one token. What is not understood is refused, never left out of account:
 * an attribute that was ignored could make another key the one that is meant. Strings are bounded as CK_TOKEN_INFO
 * bounds them and hold no control characters, since they are compared with lines that a tool prints. A PIN never stands
 * in a URI, because URIs stand in profiles and messages.
 */
import { isAbsolute } from 'node:path';
import { RegistryError } from '../../core/errors.ts';

/** At least one of `token` and `serial`, and of `object` and `id`. */
export interface Pkcs11Uri {
  readonly token?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly serial?: string;
  /** CKA_LABEL */
  readonly object?: string;
  /** CKA_ID, lower-case hex */
  readonly id?: string;
  /** Absolute path of the token's library. */
  readonly modulePath?: string;
  /** Absolute path of the file with the PIN. */
  readonly pinSource?: string;
}

const SCHEME = 'pkcs11:';
const MAX_URI = 4096;
const MAX_PATH = 1024;
/** In bytes. */
const LONGEST = { token: 32, manufacturer: 32, model: 16, serial: 16, object: 255, id: 64 } as const;
type PathName = keyof typeof LONGEST;
const PATH_NAMES = Object.keys(LONGEST) as PathName[];

/** RFC 7512 §2.3: pk11-pchar and pk11-qchar. */
const PATH_VALUE = /^(?:[\w\-.~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*$/;
const QUERY_VALUE = /^(?:[\w\-.~:[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*$/;

export const isPkcs11Uri = (text: string): boolean => text.toLowerCase().startsWith(SCHEME);

/** @throws RegistryError `pkcs11_uri_malformed` */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
  if (text.length > MAX_URI) throw malformed(`is longer than ${MAX_URI} characters`);
  if (!isPkcs11Uri(text)) throw malformed('does not begin with "pkcs11:"');
  const [path, query] = splitOnce(text.slice(SCHEME.length));
  const uri: { -readonly [Name in keyof Pkcs11Uri]: string } = {};
  for (const [name, value] of attributes(path, ';', PATH_VALUE)) {
    if (name === 'type') {
      if (value !== 'private') throw malformed('names something else than a private key');
    } else if (!isPathName(name)) {
      throw malformed(`has the attribute "${name}", which is not supported`);
    } else {
      uri[name] = name === 'id' ? hexOf(value) : plain(name, value, LONGEST[name]);
    }
  }
  for (const [name, value] of attributes(query, '&', QUERY_VALUE)) {
    if (name === 'pin-value') throw malformed('holds a PIN', 'Put the PIN into a file and name it with pin-source.');
    if (name === 'module-path') uri.modulePath = absolute(name, plain(name, value, MAX_PATH));
    else if (name === 'pin-source') uri.pinSource = absolute(name, filePath(plain(name, value, MAX_PATH)));
    else throw malformed(`has the attribute "${name}", which is not supported`);
  }
  if (uri.token === undefined && uri.serial === undefined) throw malformed('names no token');
  if (uri.object === undefined && uri.id === undefined) throw malformed('names no key');
  return uri;
}

/** The inverse of `parsePkcs11Uri`, in one spelling. */
export function formatPkcs11Uri(uri: Pkcs11Uri): string {
  const path = PATH_NAMES.flatMap((name) => {
    const value = uri[name];
    if (value === undefined) return [];
    return [`${name}=${name === 'id' ? value.replaceAll(/../g, '%$&') : encodeURIComponent(value)}`];
  });
  const query = [
    ...(uri.modulePath === undefined ? [] : [`module-path=${encodePath(uri.modulePath)}`]),
    ...(uri.pinSource === undefined ? [] : [`pin-source=file:${encodePath(uri.pinSource)}`]),
  ];
  return `${SCHEME}${path.join(';')}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

/** A query may itself hold question marks. */
function splitOnce(text: string): [path: string, query: string] {
  const at = text.indexOf('?');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function attributes(text: string, separator: string, allowed: RegExp): [name: string, value: string][] {
  if (text === '') return [];
  const seen = new Set<string>();
  return text.split(separator).map((attribute) => {
    const at = attribute.indexOf('=');
    const name = attribute.slice(0, Math.max(at, 0));
    const value = attribute.slice(at + 1);
    if (!/^[a-z-]{1,40}$/.test(name) || !allowed.test(value)) throw malformed('is not written as RFC 7512 demands');
    if (seen.has(name)) throw malformed(`names "${name}" twice`);
    seen.add(name);
    return [name, value];
  });
}

function plain(name: string, value: string, longest: number): string {
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch {
    throw malformed(`has a value of "${name}" that is not UTF-8`);
  }
  // eslint-disable-next-line no-control-regex
  if (text === '' || text !== text.trim() || /[\u0000-\u001f\u007f-\u009f]/.test(text)) {
    throw malformed(`has a value of "${name}" that is empty, or holds control characters or outer spaces`);
  }
  if (Buffer.byteLength(text) > longest) throw malformed(`has a value of "${name}" over ${longest} bytes`);
  return text;
}

function hexOf(value: string): string {
  const hex = (value.match(/%..|./g) ?? [])
    .map((part) => (part.length === 3 ? part.slice(1).toLowerCase() : part.charCodeAt(0).toString(16).padStart(2, '0')))
    .join('');
  if (hex === '' || hex.length > 2 * LONGEST.id) throw malformed(`has an id that is not 1 to ${LONGEST.id} bytes long`);
  return hex;
}

/** `file:/run/pin`, `file:///run/pin` and `/run/pin` are the same file. */
const filePath = (source: string): string => source.replace(/^file:(?:\/\/(?=\/))?/, '');

function absolute(name: string, path: string): string {
  if (!isAbsolute(path)) throw malformed(`has a "${name}" that is no absolute path`);
  return path;
}

const encodePath = (path: string): string => encodeURIComponent(path).replaceAll('%2F', '/');
const isPathName = (name: string): name is PathName => Object.hasOwn(LONGEST, name);

const malformed = (what: string, fix = 'Write it as in "pkcs11:token=acme;object=signing".') =>
  new RegistryError('pkcs11_uri_malformed', `The PKCS#11 URI ${what}.`, { field: 'key', fix });
