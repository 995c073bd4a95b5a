/** What an instrument leaves open, as an examiner of title would note it beside the chain. */
import type { Digest } from '../digest.ts';
import type { InstrumentType } from './terms.ts';

interface Examined {
  readonly documentDigest: Digest | null;
  readonly executedOn: string | null;
  readonly jurisdiction: string | null;
  readonly effectiveFrom: string;
  readonly terms: { readonly type: InstrumentType };
  /** The predecessor of a transmission, where the registrar stated the succession */
  readonly unsigned: string | null;
  /** Parties without a key, for which the registry signed */
  readonly attested: readonly string[];
}

export const gapsOf = ({
  documentDigest,
  executedOn,
  jurisdiction,
  effectiveFrom,
  terms,
  unsigned,
  attested,
}: Examined): string[] => [
  ...(documentDigest === null ? ['no signed document is named'] : []),
  ...(executedOn === null && terms.type !== 'transmission' ? ['when it was signed is not stated'] : []),
  ...(executedOn !== null && effectiveFrom < executedOn ? [`counts from before it was signed on ${executedOn}`] : []),
  ...(jurisdiction === null ? ['no governing law is stated'] : []),
  ...(unsigned === null ? [] : [`the registrar stated the succession, which ${unsigned} did not sign`]),
  ...attested.map((party) => `the registry signed for ${party}, which had no key`),
];
