/**
 * Outside timestamps over documents (RFC 3161): an authority that is not the registry attested that a document existed
 * before a time. The registrar verified the reply against the roots that it trusts, and puts it on record whole, with the
 * root that it was believed on and with the place in the log that the time stands for.
 *
 * The judgement takes the registrar's word for both and reads no certificate: a fold has to come out the same for ever,
 * and neither trust in a root nor a parser of X.509 does. Who trusts no registrar verifies the reply against roots of
 * their own (`core/time`), and compares the time with what the contested statement says of its own.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { digest, form, id, instant } from '../statement/statement.ts';
import { requireRegistry } from './authority.ts';
import { kind, requireNew } from './kind.ts';
import { put } from './tables.ts';

/** Of a reply, in bytes; one with a chain of certificates takes 3 to 8 KiB. */
export const MAX_TIMESTAMP = 16 * 1024;

export const timestampReply = z
  .base64()
  .min(4)
  .max(Math.ceil(MAX_TIMESTAMP / 3) * 4, `must hold no more than ${MAX_TIMESTAMP} bytes`)
  .describe("The authority's TimeStampResp, DER, base64");

const shape = {
  documentDigest: digest.describe('Of the document that the authority stamped'),
  timestamp: timestampReply,
  time: instant.describe('The document existed before then, as the authority says'),
  authority: z.string().min(1).max(100).describe('Its name, from its certificate'),
  root: digest.describe('Of the root certificate (DER) that the registrar believed it on'),
  firstAfter: z
    .int()
    .nonnegative()
    .describe("The first entry that was recorded after the time, by the registry's clock"),
};

const timestampForm = form('document-timestamp', shape, (_, { documentDigest }) => [
  { name: 'document', digest: documentDigest },
]);
export type DocumentTimestampBody = z.infer<typeof timestampForm.body>;
export const documentTimestampId = id('documenttimestamp');

export const documentTimestamp = kind(timestampForm, {
  reads: ({ common }) => [['document_timestamp', common.id]],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireRegistry(spoken, rows);
    requireNew(rows, 'document_timestamp', common.id);
    if (body.time > common.statedAt) {
      throw new RegistryError('proof_invalid', `The timestamp vouches for ${body.time}, which has not come yet.`, {
        field: 'timestamp',
        fix: 'Try again later; if it stays so, one of the two clocks is wrong.',
      });
    }
    if (body.firstAfter > place.recordedIndex) {
      throw new RegistryError('invalid_input', 'The timestamp would be older than entries that are not there yet.', {
        field: 'firstAfter',
      });
    }
    const { documentDigest, time, firstAfter } = body;
    return [put('document_timestamp', { id: common.id, documentDigest, time, firstAfter, ...place })];
  },
});
