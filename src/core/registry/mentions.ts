/**
 * What a statement speaks of: every digest and every party that stands anywhere in it. So a monitor finds a model among
 * parents, files and subjects alike, in kinds of statement that did not exist when the monitor was written.
 *
 * A payload from a stranger may be anything that is JSON; whoever asks has bounded its size.
 */
import { fromUtf8 } from '../bytes.ts';
import { parseCanonical } from '../canonical-json.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { DIGEST_PATTERN, formatDigest } from '../digest.ts';
import { idPattern } from '../identifier.ts';

export interface Mentions {
  /** The payload's own digest among them */
  readonly digests: ReadonlySet<string>;
  /** Ids */
  readonly parties: ReadonlySet<string>;
}

const HEX = /^[0-9a-f]{64}$/;
const PARTY = idPattern('party');
const PARTY_URN = 'urn:muniment:party:';

/** @throws RegistryError `malformed_json` for a payload that is not canonical JSON */
export function mentionsOf(sha256: Sha256, payload: Uint8Array): Mentions {
  const digests = new Set<string>([formatDigest(sha256(payload))]);
  const parties = new Set<string>();
  visit(parseCanonical(payload), (text) => {
    if (DIGEST_PATTERN.test(text)) digests.add(text);
    else if (HEX.test(text)) digests.add(`sha256:${text}`);
    else if (PARTY.test(text)) parties.add(text);
    else if (text.startsWith(PARTY_URN)) parties.add(`party_${text.slice(PARTY_URN.length)}`);
  });
  return { digests, parties };
}

/** What a reader looks for; nothing at all means everything. */
export interface Wanted {
  readonly digests: readonly Digest[];
  readonly parties: readonly string[];
}

export interface Matched {
  readonly digests: Digest[];
  readonly parties: string[];
}

/** Which of the wanted digests and parties the statement speaks of. */
export const matchOf = ({ digests, parties }: Mentions, wanted: Wanted): Matched => ({
  digests: wanted.digests.filter((digest) => digests.has(digest)),
  parties: wanted.parties.filter((party) => parties.has(party)),
});

/** The predicate type, id and maker as the payload tells them, of whatever kind it is. */
export function outlineOf(payload: Uint8Array): { predicateType: string; id: string | null; maker: string | null } {
  type Members = { id?: unknown; maker?: unknown; muniment_statement?: Members };
  const { predicateType, predicate } = JSON.parse(fromUtf8(payload)) as {
    predicateType?: unknown;
    predicate?: Members;
  };
  const { id, maker } = predicate?.muniment_statement ?? predicate ?? {};
  const text = (value: unknown): string | null => (typeof value === 'string' ? value.slice(0, 200) : null);
  return { predicateType: text(predicateType) ?? '', id: text(id), maker: text(maker) };
}

function visit(value: unknown, see: (text: string) => void): void {
  if (typeof value === 'string') see(value);
  else if (Array.isArray(value)) for (const item of value) visit(item, see);
  else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) visit(item, see);
}
