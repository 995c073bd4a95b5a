/**
 * The key of a watermark: 32 random bytes, and the party for which it speaks. One key marks one model: whoever shows a key
 * in a dispute shows where its mark is, and from then on that mark can be taken out.
 *
 * The commitment goes on record, sealed, while the key stays secret. It binds the party, so that a copied one opens for
 * nobody else, and it comes before the dispute, so that nobody searches keys until one happens to fit.
 *
 *   commitment = SHA-256("muniment watermark v1 commitment" ‖ key ‖ party)
 *   payload    = the first MARK_BITS bits of SHA-256("muniment watermark v1 payload" ‖ key ‖ party), highest bit first
 *   directions = for bit j and direction d (0 or 1) the bits of SHA-256("muniment watermark v1 direction" ‖ key ‖
 *                u32be(j) ‖ u32be(d) ‖ u32be(block)), block after block; a set bit is +1, another one −1
 */
import { z } from 'zod';
import { concat, fromHex, toHex, utf8 } from '../bytes.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { salt } from '../registry/sealed.ts';
import { id } from '../statement/statement.ts';

export const WATERMARK_SCHEME = 'muniment-watermark-1';

/** Bits of a mark. All of them match by chance once in 1.8 · 10¹⁹ keys. */
export const MARK_BITS = 64;

export const KEY_BYTES = 32;

export interface WatermarkKey {
  party: string;
  secret: Uint8Array;
}

/** A key with the sealed record that holds its commitment, and what opens that record. */
export interface SealedKey extends WatermarkKey {
  /** The log of the record */
  origin: string;
  sealed: string;
  salt: string;
}

const fileSchema = z.strictObject({
  scheme: z.literal(WATERMARK_SCHEME),
  party: id('party'),
  origin: z.string().min(1).max(200),
  sealed: id('sealed'),
  salt,
  key: z.string().regex(new RegExp(`^[0-9a-f]{${2 * KEY_BYTES}}$`), 'must be 256 random bits in hex'),
});

export function formatKey({ secret, party, origin, sealed, salt }: SealedKey): string {
  const file = { scheme: WATERMARK_SCHEME, party, origin, sealed, salt, key: toHex(secret) };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** @throws RegistryError `invalid_input` */
export function parseKey(text: string): SealedKey {
  const refuse = (cause: unknown) =>
    new RegistryError('invalid_input', 'The file holds no key of a watermark.', {
      field: 'mark-key',
      fix: 'Name the file that "muniment watermark keygen" wrote.',
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw refuse(cause);
  }
  const { data, error } = fileSchema.safeParse(value);
  if (data === undefined) throw refuse(error);
  const { party, origin, sealed, key } = data;
  return { party, origin, sealed, salt: data.salt, secret: fromHex(key) };
}

/** What opens the record that `keygen` seals: a digest, as of any other piece of evidence. */
export const sealedSecretOf = (sha256: Sha256, key: SealedKey) => ({
  subject: 'evidence' as const,
  salt: key.salt,
  digests: [commitmentOf(sha256, key)],
});

export const commitmentOf = (sha256: Sha256, { party, secret }: WatermarkKey): Digest =>
  formatDigest(sha256(label('commitment'), secret, utf8(party)));

/** What a key asks of the rows of a layer. */
export interface Mark {
  /** `[MARK_BITS]`, +1 or −1 */
  payload: Int8Array;
  /** Two for each bit, `[2][MARK_BITS][features]`, +1 or −1 */
  directions: readonly [Int8Array, Int8Array];
  /** Elements of a direction */
  features: number;
}

export function markOf(sha256: Sha256, { party, secret }: WatermarkKey, features: number): Mark {
  const payload = new Int8Array(MARK_BITS);
  fillSigns(payload, 0, MARK_BITS, () => sha256(label('payload'), secret, utf8(party)));
  const direction = (which: number): Int8Array => {
    const signs = new Int8Array(MARK_BITS * features);
    for (let bit = 0; bit < MARK_BITS; bit++) {
      fillSigns(signs, bit * features, features, (block) =>
        sha256(label('direction'), secret, words(bit, which, block)),
      );
    }
    return signs;
  };
  return { payload, directions: [direction(0), direction(1)], features };
}

function fillSigns(signs: Int8Array, from: number, count: number, block: (index: number) => Uint8Array): void {
  let hash = new Uint8Array(0);
  for (let i = 0; i < count; i++) {
    const bit = i % 256;
    if (bit === 0) hash = Uint8Array.from(block(i / 256));
    signs[from + i] = (hash[bit >> 3]! >> (7 - (bit & 7))) & 1 ? 1 : -1;
  }
}

const label = (purpose: string): Uint8Array => utf8(`muniment watermark v1 ${purpose}`);

function words(...values: readonly number[]): Uint8Array {
  return concat(
    ...values.map((value) => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value);
      return bytes;
    }),
  );
}
