/**
 * What a sealed title says, field by field, and the commitment to it. An owner puts down what it would state openly: the
 * model, its owners, license and origin. Each field stands at a fixed place of a Merkle tree (RFC 6962) with a fixed number
 * of leaves, and the sealed statement holds the root alone; so any field opens by itself, with a proof of four hashes.
 *
 *   leaf       = SHA-256(00 ‖ commitment)
 *   commitment = SHA-256 of the canonical JSON of {"field","maker","origin","salt","type","value"}
 *
 * A field about which nothing is said commits to null, and a place that no field has yet to a field of null, each under a
 * salt of its own: nobody can tell how many fields are filled, and an owner can open an empty one to show that it was.
 *
 * Log and maker are part of what is committed to, so a copied root opens for nobody else; so is the field's name, and the
 * place follows from it, so no value can be shown under another name.
 */
import { z } from 'zod';
import { concat, fromBase64, toBase64 } from '../bytes.ts';
import { canonicalize } from '../canonical-json.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { proveInclusionFrom } from '../merkle/proof.ts';
import { tileKey } from '../merkle/tile.ts';
import { inclusionRoot, leafHash, rootOf } from '../merkle/tree.ts';
import { requireWhole } from '../share.ts';
import { digest } from '../statement/statement.ts';
import { requireLicense, statedShape } from './registration.ts';

/** What each field may say. Their order is that of the leaves: a new one comes at the end. */
export const TITLE_SHAPE = {
  name: statedShape.name,
  fileDigest: digest,
  weightDigest: digest,
  namelessDigest: digest,
  owners: statedShape.owners,
  license: statedShape.license,
  parents: statedShape.parents.min(1),
  datasets: z.array(digest).min(1).max(1000).describe("The datasets' manifest digests"),
  instrument: digest.describe('Of a signed document, such as an agreement'),
  note: z.string().min(1).max(2000),
};

export type TitleField = keyof typeof TITLE_SHAPE;
export type TitleValues = { [F in TitleField]: z.infer<(typeof TITLE_SHAPE)[F]> };
export const TITLE_FIELDS = Object.keys(TITLE_SHAPE) as TitleField[];

/** Digests of what is stated; who opens one shows that it was known. Those of parents and data are others' things. */
export const KNOWN_BY = ['fileDigest', 'weightDigest', 'namelessDigest', 'instrument'] as const;

/** Leaves in every tree, with room for fields to come. */
export const TITLE_LEAVES = 16;
/** Hashes from a leaf to the root. */
export const TITLE_PROOF_LENGTH = 4;

/** For which log and party it was sealed. */
export interface SealedBy {
  readonly origin: string;
  readonly maker: string;
}

export interface TitleSecret {
  /** One for each leaf: 16 random bytes, hex */
  readonly salts: readonly string[];
  /** A field that is left out says nothing. */
  readonly values: { readonly [F in TitleField]?: TitleValues[F] | undefined };
}

/** A field and what it says, null where that is nothing. */
export type Said = { [F in TitleField]: { field: F; value: TitleValues[F] | null } }[TitleField];

/** A field with what shows that it was committed to. */
export type OpenedField = Said & { salt: string; proof: string[] };

/** What the sealed statement holds. */
export const titleCommitment = (sha256: Sha256, by: SealedBy, secret: TitleSecret): Digest =>
  formatDigest(rootOf(sha256, leavesOf(sha256, by, secret)));

export function openField(sha256: Sha256, by: SealedBy, secret: TitleSecret, field: TitleField): OpenedField {
  const place = TITLE_FIELDS.indexOf(field);
  const tiles = new Map([[tileKey({ level: 0, index: 0 }), concat(...leavesOf(sha256, by, secret))]]);
  return {
    field,
    salt: secret.salts[place]!,
    value: secret.values[field] ?? null,
    proof: proveInclusionFrom(sha256, place, TITLE_LEAVES, tiles).map(toBase64),
  } as OpenedField;
}

/**
 * The commitment that an opened field leads to. It says nothing until it is compared with the one that was sealed.
 * @throws RegistryError `proof_invalid` for a proof that fits no tree of these
 */
export function commitmentOf(sha256: Sha256, by: SealedBy, { field, salt, value, proof }: OpenedField): Digest {
  const root = inclusionRoot(sha256, {
    index: TITLE_FIELDS.indexOf(field),
    size: TITLE_LEAVES,
    leafHash: leafOf(sha256, by, field, salt, value),
    proof: proof.map(fromBase64),
  });
  return formatDigest(root);
}

/**
 * What no form can say of a value: that shares add up, and that a license is one.
 * @throws RegistryError `shares_invalid`, `share_too_fine`, `license_unknown`
 */
export function requireMeaning({ owners, license }: Partial<TitleValues>, under: string): void {
  if (owners !== undefined) requireWhole(owners, under);
  if (license !== undefined) requireLicense(license, `${under}.`);
}

const leavesOf = (sha256: Sha256, by: SealedBy, { salts, values }: TitleSecret): Uint8Array[] =>
  Array.from({ length: TITLE_LEAVES }, (_, place) => {
    const field = TITLE_FIELDS[place];
    return leafOf(sha256, by, field ?? null, salts[place]!, field === undefined ? null : (values[field] ?? null));
  });

function leafOf(
  sha256: Sha256,
  { origin, maker }: SealedBy,
  field: TitleField | null,
  salt: string,
  value: OpenedField['value'],
): Uint8Array {
  const committed = { type: 'muniment sealed field v1', origin, maker, field, salt, value };
  return leafHash(sha256, sha256(canonicalize(committed)));
}
