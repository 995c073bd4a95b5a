/** Byte strings and their text forms: hex (lower case) and base64. Parsers are strict inverses. */
import { base64 } from './base64.ts';
import { RegistryError } from './errors.ts';
import { hex } from './hex.ts';

export const toHex = (bytes: Uint8Array): string => hex.encode(bytes);

/** @throws RegistryError `invalid_input` for anything but whole bytes in lower case */
export const fromHex = (text: string): Uint8Array => hex.decode(text);

export const toBase64 = (bytes: Uint8Array): string => base64.encode(bytes);

/** @throws RegistryError `invalid_input` for anything but the one canonical spelling of some bytes */
export const fromBase64 = (text: string): Uint8Array => base64.decode(text);

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new RegistryError('invalid_input', 'The bytes are not UTF-8.', { cause });
  }
}
