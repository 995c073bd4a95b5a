/**
 * Base64 (RFC 4648 §4), padded, in its one canonical spelling. The runtime's own codec is used where it has one: it is
 * ten times as fast as any that is written in JavaScript, and every statement, hash and signature passes through here.
 */
import { RegistryError } from './errors.ts';

export interface Base64 {
  readonly encode: (bytes: Uint8Array) => string;
  /** @throws RegistryError `invalid_input` for anything but the one canonical spelling of some bytes */
  readonly decode: (text: string) => Uint8Array;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PADDING = '='.charCodeAt(0);
const NO_DIGIT = 64;
const codes = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
const values = new Uint8Array(256).fill(NO_DIGIT);
for (const [value, code] of codes.entries()) values[code] = value;

const ascii = new TextDecoder();

/** For runtimes without a codec of their own, such as most browsers. */
export const portable: Base64 = {
  encode(bytes) {
    const text = new Uint8Array(4 * Math.ceil(bytes.length / 3));
    let at = 0;
    for (let i = 0; i < bytes.length; i += 3) {
      const bits = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
      text[at++] = codes[bits >> 18]!;
      text[at++] = codes[(bits >> 12) & 63]!;
      text[at++] = i + 1 < bytes.length ? codes[(bits >> 6) & 63]! : PADDING;
      text[at++] = i + 2 < bytes.length ? codes[bits & 63]! : PADDING;
    }
    return ascii.decode(text);
  },
  decode(text) {
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    if (text.length % 4 !== 0) throw notCanonical();
    const bytes = new Uint8Array((text.length / 4) * 3 - padding);
    const digits = text.length - padding;
    const valueAt = (i: number): number => {
      const code = i < digits ? text.charCodeAt(i) : 0;
      const value = i >= digits ? 0 : code < 256 ? values[code]! : NO_DIGIT;
      if (value === NO_DIGIT) throw notCanonical();
      return value;
    };
    let at = 0;
    let bits = 0;
    for (let i = 0; i < text.length; i += 4) {
      bits = (valueAt(i) << 18) | (valueAt(i + 1) << 12) | (valueAt(i + 2) << 6) | valueAt(i + 3);
      bytes[at++] = bits >> 16;
      bytes[at++] = bits >> 8;
      bytes[at++] = bits;
    }
    // Bits that stand for no byte are zero, or two texts would spell the same bytes.
    if ((padding === 2 && (bits & 0xffff) !== 0) || (padding === 1 && (bits & 0xff) !== 0)) throw notCanonical();
    return bytes;
  },
};

type Runtime = { from(text: string, encoding: 'base64'): Uint8Array } & {
  from(buffer: ArrayBufferLike, offset: number, length: number): { toString(encoding: 'base64'): string };
};
const runtime = (globalThis as { Buffer?: Runtime }).Buffer;

const native = (buffer: Runtime): Base64 => {
  const encode = (bytes: Uint8Array) =>
    buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return {
    encode,
    decode(text) {
      // The runtime reads much that is not canonical; what it writes is, so a text that differs was not.
      const bytes = new Uint8Array(buffer.from(text, 'base64'));
      if (encode(bytes) !== text) throw notCanonical();
      return bytes;
    },
  };
};

export const base64: Base64 = runtime === undefined ? portable : native(runtime);

const notCanonical = () => new RegistryError('invalid_input', 'The text is not canonical base64.');
