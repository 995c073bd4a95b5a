/** Timestamps that OpenSSL made, kept as they came. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { fromBase64, fromHex } from '../../../../src/core/bytes.ts';
import { formatTimestampRequest, verifyTimestamp } from '../../../../src/core/time/index.ts';
import { sha256, timestampCrypto } from '../../../../src/platform/crypto.ts';

interface Vector {
  key: string;
  data: string;
  nonce: string;
  request: string;
  root: string;
  reply: string;
  time: string;
  accuracyMs: number;
  policy: string;
  authority: string;
}

const { vectors } = JSON.parse(
  readFileSync(new URL('../../../vectors/time/openssl.json', import.meta.url), 'utf8'),
) as { vectors: Vector[] };

describe.each(vectors)('a timestamp by OpenSSL with $key', (vector) => {
  const [data, nonce, reply] = [fromBase64(vector.data), fromHex(vector.nonce), fromBase64(vector.reply)];
  const verify = (bytes = reply, root = vector.root) =>
    verifyTimestamp(timestampCrypto, bytes, { data, nonce, roots: [root] });

  it('answers the request that we write', () => {
    expect(formatTimestampRequest({ imprint: sha256(data), nonce })).toEqual(fromBase64(vector.request));
  });

  it('tells the time that OpenSSL prints, and how sure it is', () => {
    const { time, ...told } = verify();
    expect(new Date(time.getTime() - told.accuracyMs).toISOString()).toBe(vector.time);
    expect(told).toMatchObject({ accuracyMs: vector.accuracyMs, policy: vector.policy, authority: vector.authority });
  });

  it('is refused under the root of another', () => {
    const other = vectors.find(({ root }) => root !== vector.root)!.root;
    expect(() => verify(reply, other)).toThrow(expect.objectContaining({ code: 'timestamp_invalid' }));
  });

  it('never shows another time, authority or policy, whichever byte is flipped', () => {
    const honest = verify();
    for (let at = 0; at < reply.length; at += 3) {
      const flipped = Uint8Array.from(reply);
      flipped[at]! ^= 1 << (at % 8);
      let shown;
      try {
        shown = verify(flipped);
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^timestamp_(?:invalid|unavailable)$/) });
        continue;
      }
      // What is not signed may change, such as a certificate that nobody needs; what is told may not.
      expect(shown).toEqual(honest);
    }
  });
});
