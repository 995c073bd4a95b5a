/**
 * Datasets: one immutable version each, known by the digests of its files. Rights in it are *asserted* by whoever
 * registers it. A party's name and version stand for one set of files for ever; the same files registered by somebody
 * else stay on record too, in log order.
 */
import { z } from 'zod';
import { canonicalize } from '../canonical-json.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { licenseIds } from '../licensing/expression.ts';
import { digest, form, id } from '../statement/statement.ts';
import { kind, requireNew } from './kind.ts';
import type { Tables } from './tables.ts';
import { put } from './tables.ts';
import { firstTitle } from './title.ts';

const MAX_FILES = 1000;

export const dataFileSchema = z.strictObject({
  name: z.string().min(1).max(300),
  bytes: z.int().nonnegative(),
  digest,
});

const shape = {
  name: z.string().min(1).max(200),
  version: z.string().min(1).max(100),
  files: z.array(dataFileSchema).min(1).max(MAX_FILES).describe('Sorted by name'),
  manifestDigest: digest.describe('SHA-256 of the canonical JSON of `files`'),
  originUrl: z.url().max(1000).describe('Where the data came from'),
  license: z.strictObject({
    expression: z.string().max(1000),
    status: z
      .enum(['asserted', 'granted'])
      .describe('`asserted`: taken over from the source; `granted`: by the maker as holder'),
  }),
  holder: z
    .strictObject({
      party: id('party').nullable(),
      nameCommitment: digest.nullable().describe('To the name of a holder who is not on record'),
    })
    .refine(({ party, nameCommitment }) => (party === null) !== (nameCommitment === null), {
      message: 'the holder is a party on record, or a name that is committed to',
    })
    .describe('Of the rights'),
  collection: z.string().max(2000).nullable().describe('How the data was collected'),
};

/** @param files in any order; the digest is over them sorted by name */
export function manifestOf(sha256: Sha256, files: readonly z.infer<typeof dataFileSchema>[]) {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { files: sorted, manifestDigest: formatDigest(sha256(canonicalize(sorted))) };
}

export const dataset = kind(
  form('dataset', shape, (_, { name, manifestDigest, files }) => [
    { name, digest: manifestDigest },
    ...files.map((file): { name: string; digest: Digest } => ({ name: file.name, digest: file.digest })),
  ]),
  {
    aboutTitle: true,
    reads: ({ common, body }) => [
      ['dataset', common.id],
      ['dataset_version', common.maker, body.name, body.version],
      ...(body.holder.party === null ? [] : [['party', body.holder.party] as const]),
    ],
    commitments: ({ maker }, { holder: { nameCommitment } }) =>
      nameCommitment === null ? [] : [{ commitment: nameCommitment, partyId: maker }],
    coheres(sha256, { files, manifestDigest }) {
      if (manifestOf(sha256, files).manifestDigest === manifestDigest) return;
      throw new RegistryError('digest_mismatch', 'The manifest digest is not the one of the files.', {
        field: 'manifestDigest',
      });
    },
    judge({ common, body }, rows, place) {
      requireNew(rows, 'dataset', common.id);
      licenseIds(body.license.expression);
      for (const [i, { name }] of body.files.entries()) {
        const before = body.files[i - 1];
        if (before !== undefined && before.name >= name) {
          throw new RegistryError('invalid_input', 'The files are not sorted by name, each once.', {
            field: `files.${i}.name`,
          });
        }
      }
      if (body.holder.party !== null && rows.get('party', body.holder.party) === undefined) {
        throw new RegistryError('not_found', `There is no party ${body.holder.party}.`, { field: 'holder.party' });
      }
      const { name, version, manifestDigest } = body;
      requireNewVersion(rows.get('dataset_version', common.maker, name, version), body);
      const row = { id: common.id, manifestDigest, maker: common.maker, name, document: body, ...place };
      return [
        put('dataset', row),
        put('dataset_version', { maker: common.maker, name, version, datasetId: common.id, ...place }),
        ...firstTitle(common, ownersOf(common.maker, body), place),
      ];
    },
  },
);

/** Whose a dataset is on record: its maker's who says that it holds the rights. That somebody else does is hearsay. */
export const ownersOf = (maker: string, { holder }: { holder: { party: string | null } }) =>
  holder.party === maker ? [{ party: maker, share: '1/1' }] : [];

function requireNewVersion(
  known: Tables['dataset_version'] | undefined,
  { name, version }: { name: string; version: string },
): void {
  if (known === undefined) return;
  throw new RegistryError(
    'already_registered',
    `Your dataset ${name}, version ${version}, is ${known.datasetId} already.`,
    {
      field: 'version',
      fix: 'Use what is on record, or name another version.',
    },
  );
}
