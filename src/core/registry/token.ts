/**
 * What the log holds about license tokens: every key that ever signed one, and commitments to the batches in which they
 * were issued, and in which weights were fetched. Single tokens and accesses stay out of the log; each remains provable
 * through the root of its batch.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { MAX_BATCH_SIZE } from '../licensing/row-batch.ts';
import { KEY_ID } from '../licensing/token-claims.ts';
import { parseP256Spki } from '../statement/public-key.ts';
import { digest, form, instant, urn } from '../statement/statement.ts';
import { requireRegistry } from './authority.ts';
import { kind, need, requireNew } from './kind.ts';
import { put } from './tables.ts';

const tokenKeyShape = {
  kid: KEY_ID,
  spki: z.string().max(200),
  notBefore: instant.describe('Signs nothing earlier; published well before'),
};

export const tokenKey = kind(
  form('token-key', tokenKeyShape, (_, { kid }) => [urn(`tokenkey_${kid}`)]),
  {
    reads: ({ body }) => [['token_key', body.kid]],
    judge(spoken, rows, place) {
      requireRegistry(spoken, rows);
      requireNew(rows, 'token_key', spoken.body.kid);
      parseP256Spki(spoken.body.spki, 'spki');
      return [put('token_key', { ...spoken.body, retiredIndex: null, ...place })];
    },
  },
);

const retirementShape = { kid: KEY_ID, reason: z.string().max(500) };

export const tokenKeyRetirement = kind(
  form('token-key-retirement', retirementShape, (_, { kid }) => [urn(`tokenkey_${kid}`)]),
  {
    reads: ({ body }) => [['token_key', body.kid]],
    judge(spoken, rows, { recordedIndex }) {
      requireRegistry(spoken, rows);
      const row = need(rows, 'token_key', spoken.body.kid, 'kid');
      if (row.retiredIndex !== null)
        throw new RegistryError('state_conflict', 'The key is retired already.', { field: 'kid' });
      return [put('token_key', { ...row, retiredIndex: recordedIndex })];
    },
  },
);

const batchShape = {
  size: z.int().positive().max(MAX_BATCH_SIZE),
  root: digest.describe('RFC 6962 root over the salted records, in order'),
  from: instant,
  to: instant,
};

const batch = (name: string, table: 'access_batch' | 'token_batch') =>
  kind(
    form(name, batchShape, ({ id }, { root }) => [{ name: urn(id), digest: root }]),
    {
      reads: ({ common }) => [[table, common.id]],
      judge(spoken, rows, place) {
        requireRegistry(spoken, rows);
        requireNew(rows, table, spoken.common.id);
        const { size, root } = spoken.body;
        return [put(table, { id: spoken.common.id, size, root, ...place })];
      },
    },
  );

export const tokenBatch = batch('token-batch', 'token_batch');
export const accessBatch = batch('access-batch', 'access_batch');
