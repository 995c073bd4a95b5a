/**
 * Signatures of tokens in the form that statements carry: PKCS#11 gives r and s as two numbers of 32 bytes one after the
 * other, DSSE verifiers and OpenSSL expect DER (RFC 3279 §2.2.3). DER allows one spelling of a number: no needless zero
 * in front, and one zero where the first bit would read as a sign.
 */
import { RegistryError } from '../../core/errors.ts';

const LENGTH = 64;

/** @throws RegistryError `pkcs11_failed` unless `raw` is r and s of the curve P-256 */
export function ecdsaDer(raw: Uint8Array): Uint8Array {
  if (raw.length !== LENGTH) {
    throw new RegistryError('pkcs11_failed', `The token gave a signature of ${raw.length} bytes instead of ${LENGTH}.`);
  }
  // At most 2 × 35 bytes, so every length fits into one byte.
  const numbers = [...integer(raw.subarray(0, LENGTH / 2)), ...integer(raw.subarray(LENGTH / 2))];
  return Uint8Array.of(0x30, numbers.length, ...numbers);
}

function integer(bytes: Uint8Array): number[] {
  const first = bytes.findIndex((byte) => byte !== 0);
  const significant = [...bytes.subarray(first < 0 ? bytes.length - 1 : first)];
  const value = (significant[0] ?? 0) >= 0x80 ? [0, ...significant] : significant;
  return [0x02, value.length, ...value];
}
