/**
 * Whether 32 bytes may serve as an Ed25519 public key (RFC 8032 §5.1.3). Signature libraries differ in what they let
 * through: under a key of small order a forger can write signatures that hold for many texts, and a point with two
 * spellings is one key under two key IDs. So a key must be the one canonical spelling of a point on the curve whose
 * order is not a divisor of 8.
 */
import { toHex } from '../bytes.ts';
import { RegistryError } from '../errors.ts';

/**
 * The y coordinates of the eight points whose order divides 8, little-endian without the sign of x: the neutral point
 * (order 1), y = −1 (order 2), y = 0 (order 4, two points), and two values that each belong to two points of order 8.
 */
const SMALL_ORDER_Y = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

/** The field prime 2^255 − 19. */
const P = 2n ** 255n - 19n;

/** The curve constant d = −121665/121666 mod p (RFC 8032 §5.1). */
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** @throws RegistryError `invalid_input` */
export function checkEd25519Key(key: Uint8Array): void {
  if (key.length !== 32) throw refuse(`has 32 bytes, not ${key.length}`);
  const encoded = new Uint8Array(key);
  encoded[31] = encoded[31]! & 0x7f;
  if (SMALL_ORDER_Y.has(toHex(encoded))) throw refuse('must not be a point of small order');
  const y = BigInt(`0x${toHex(encoded.reverse())}`);
  if (y >= P) throw refuse('is the canonical spelling of a point');
  if (!isOnCurve(y)) throw refuse('is a point on the curve');
}

/** x² = (y² − 1) / (d·y² + 1) has a root exactly when numerator times denominator is a square (Euler's criterion). */
function isOnCurve(y: bigint): boolean {
  const yy = (y * y) % P;
  const product = ((yy - 1n) * (D * yy + 1n)) % P;
  return power((product + P) % P, (P - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * base) % P;
    base = (base * base) % P;
  }
  return result;
}

function refuse(sentence: string): RegistryError {
  return new RegistryError('invalid_input', `An Ed25519 public key ${sentence}.`, {
    field: 'publicKey',
    fix: 'Make a fresh key pair.',
  });
}
