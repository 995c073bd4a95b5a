/** Lower-case hex. The runtime's own codec is used where it has one, as for base64: every digest's text passes through here. */
import { RegistryError } from './errors.ts';

export interface Hex {
  readonly encode: (bytes: Uint8Array) => string;
  /** @throws RegistryError `invalid_input` for anything but whole bytes in lower case */
  readonly decode: (text: string) => Uint8Array;
}

const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** For runtimes without a codec of their own, such as most browsers. */
export const portable: Hex = {
  encode(bytes) {
    let text = '';
    for (const byte of bytes) text += PAIRS[byte];
    return text;
  },
  decode(text) {
    if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw notHex();
    const bytes = new Uint8Array(text.length / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
    return bytes;
  },
};

type Runtime = { from(text: string, encoding: 'hex'): Uint8Array } & {
  from(buffer: ArrayBufferLike, offset: number, length: number): { toString(encoding: 'hex'): string };
};
const runtime = (globalThis as { Buffer?: Runtime }).Buffer;

const native = (buffer: Runtime): Hex => {
  const encode = (bytes: Uint8Array) => buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return {
    encode,
    decode(text) {
      // The runtime reads capitals and stops at what is no digit; a text that it would write differently is refused.
      const bytes = new Uint8Array(buffer.from(text, 'hex'));
      if (encode(bytes) !== text) throw notHex();
      return bytes;
    },
  };
};

export const hex: Hex = runtime === undefined ? portable : native(runtime);

const notHex = () => new RegistryError('invalid_input', 'The text is not lower-case hex.');
