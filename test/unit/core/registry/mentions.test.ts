import { describe, expect, it } from '@jest/globals';
import { utf8 } from '../../../../src/core/bytes.ts';
import { canonicalize } from '../../../../src/core/canonical-json.ts';
import { formatDigest } from '../../../../src/core/digest.ts';
import { matchOf, mentionsOf, outlineOf } from '../../../../src/core/registry/mentions.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';

const A = `sha256:${'a'.repeat(64)}` as const;
const B = `sha256:${'b'.repeat(64)}` as const;
const ADA = `party_${'0'.repeat(26)}`;
const BEN = `party_${'1'.repeat(26)}`;

const payload = canonicalize({
  subject: [{ name: `urn:muniment:party:${'1'.repeat(26)}`, digest: { sha256: 'b'.repeat(64) } }],
  predicateType: 'urn:elsewhere:statement:unheard-of:v7',
  predicate: { id: 'thing_1', maker: ADA, deep: [{ parents: [{ digest: A }] }], note: `not ${A} itself` },
});

describe('what a statement speaks of', () => {
  it('is found wherever it stands, in a kind that nobody knows yet', () => {
    const { digests, parties } = mentionsOf(sha256, payload);
    expect([...digests].sort()).toEqual([A, B, formatDigest(sha256(payload))].sort());
    expect([...parties].sort()).toEqual([ADA, BEN]);
  });

  it('is held against what is wanted', () => {
    const other = `sha256:${'c'.repeat(64)}` as const;
    expect(matchOf(mentionsOf(sha256, payload), { digests: [A, other], parties: [BEN, 'party_x'] })).toEqual({
      digests: [A],
      parties: [BEN],
    });
  });

  it('is not looked for inside longer words', () => {
    const { digests } = mentionsOf(sha256, canonicalize({ predicate: { note: `about ${A}`, nonce: 'a'.repeat(65) } }));
    expect(digests.size).toBe(1);
  });

  it('is refused where the payload is not canonical', () => {
    expect(() => mentionsOf(sha256, utf8('{"b":1,"a":2}'))).toThrow(
      expect.objectContaining({ code: 'malformed_json' }),
    );
  });

  it('has an outline of any kind, foreign predicates included', () => {
    expect(outlineOf(payload)).toEqual({
      predicateType: 'urn:elsewhere:statement:unheard-of:v7',
      id: 'thing_1',
      maker: ADA,
    });
    const foreign = { predicateType: 'p', predicate: { id: 1, muniment_statement: { id: 'run_1', maker: BEN } } };
    expect(outlineOf(canonicalize(foreign))).toEqual({ predicateType: 'p', id: 'run_1', maker: BEN });
    expect(outlineOf(canonicalize({}))).toEqual({ predicateType: '', id: null, maker: null });
  });
});
