/**
 * Names that clients make for what they register: a word for the kind, `_`, and 128 random bits in Crockford's base 32
 * (lower case), e.g. `party_3k9x…`. Whoever makes the statement makes the id, so a retry names the same thing.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** @param random 16 bytes from a cryptographic source */
export function makeId(kind: string, random: Uint8Array): string {
  let bits = random.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = ALPHABET.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return `${kind}_${text}`;
}

export const idPattern = (kind: string): RegExp => new RegExp(`^${kind}_[0-9a-hjkmnp-tv-z]{26}$`);
