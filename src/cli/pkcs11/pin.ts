/**
 * The PIN of a token: from the file that the key's URI names, else from `MUNIMENT_PKCS11_PIN`, else from the person at the
 * terminal. The file comes first because it belongs to this one key, while another token would count a PIN that is not
 * its own as a wrong one. The last try before a token locks itself is left to a person.
 */
import { RegistryError } from '../../core/errors.ts';
import type { Io } from '../io.ts';
import { readPrivate } from '../profile.ts';
import type { TokenInfo } from './pkcs11-tool.ts';

const MAX_PIN_BYTES = 255;

/** @throws RegistryError `pkcs11_pin_missing`, `pkcs11_pin_refused` (nothing was tried), `configuration_invalid` */
export async function pinOf(io: Io, { token, flags }: TokenInfo, pinSource: string | undefined): Promise<string> {
  if (flags.includes('user PIN locked')) {
    throw refused(
      `The PIN of the token "${token}" is locked.`,
      "Unlock it with the token's PUK or its security officer.",
    );
  }
  const kept = pinSource === undefined ? io.env['MUNIMENT_PKCS11_PIN'] || undefined : await pinIn(pinSource);
  const last = flags.includes('final user PIN try');
  if (last && kept !== undefined) {
    throw refused(
      `The token "${token}" locks itself at the next wrong PIN, so the one that is kept was not tried.`,
      'Log in once by hand, for example with "pkcs11-tool --login --test".',
    );
  }
  if (last || flags.includes('user PIN count low')) {
    io.note(
      `The token "${token}" was given a wrong PIN before; ${last ? 'the next one locks it' : 'a few lock it'}.\n`,
    );
  }
  const pin = kept ?? (await io.askSecret?.(`PIN of the token "${token}": `));
  if (pin === undefined || pin === '') {
    throw new RegistryError('pkcs11_pin_missing', `There is no PIN for the token "${token}".`, {
      field: 'pin',
      fix: 'Set MUNIMENT_PKCS11_PIN, or name a file of mode 0600 in the URI: "?pin-source=file:/path".',
    });
  }
  // eslint-disable-next-line no-control-regex
  if (Buffer.byteLength(pin) > MAX_PIN_BYTES || /[\u0000-\u001f\u007f]/.test(pin)) {
    throw refused(
      'The PIN holds control characters or is too long, and was not tried.',
      'Write it alone, on one line.',
    );
  }
  return pin;
}

async function pinIn(file: string): Promise<string> {
  const text = await readPrivate(file);
  if (text !== undefined) return text.replace(/\r?\n$/, '');
  throw new RegistryError('pkcs11_pin_missing', `There is no PIN file "${file}".`, { field: 'pin' });
}

const refused = (message: string, fix: string) =>
  new RegistryError('pkcs11_pin_refused', message, { field: 'pin', fix });
