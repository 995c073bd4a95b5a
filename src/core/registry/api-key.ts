/**
 * API keys: what a program shows to act for a party. The log holds the digest of a 256-bit secret, never the secret;
 * making and revoking a key are statements, so that later it can be told who could have asked for what, and when.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { digest, form, id, instant, urn } from '../statement/statement.ts';
import { isRegistry } from './authority.ts';
import type { Rows, Spoken } from './kind.ts';
import { kind, need, requireNew } from './kind.ts';
import { put } from './tables.ts';

const API_KEY = 'apikey';

const apiKeyShape = {
  party: id('party'),
  secretDigest: digest,
  label: z.string().max(80),
  scopes: z.array(z.string().min(1).max(40)).min(1).max(20),
  expiresAt: instant.nullable(),
};

function requireOwnOrRegistrar(spoken: Spoken, rows: Rows, partyId: string): void {
  const maker = need(rows, 'party', spoken.common.maker, 'maker');
  if (maker.id !== partyId && !isRegistry(maker)) {
    throw new RegistryError('forbidden', 'Only the party itself or the registrar manages its API keys.', {
      field: 'party',
    });
  }
}

export const apiKey = kind(
  form('api-key', apiKeyShape, ({ id }) => [urn(id)]),
  {
    reads: ({ common, body }) => [
      ['party', body.party],
      ['api_key', common.id],
    ],
    readers: ({ party }) => [party],
    judge(spoken, rows, place) {
      const { common, body } = spoken;
      requireNew(rows, 'api_key', common.id);
      const { id: partyId } = need(rows, 'party', body.party, 'party');
      requireOwnOrRegistrar(spoken, rows, partyId);
      const { secretDigest, label, scopes, expiresAt } = body;
      return [
        put('api_key', {
          id: common.id,
          partyId,
          secretDigest,
          label,
          scopes,
          expiresAt,
          revokedIndex: null,
          ...place,
        }),
      ];
    },
  },
);

const revocationShape = { apiKey: id(API_KEY), reason: z.string().max(500) };

export const apiKeyRevocation = kind(
  form('api-key-revocation', revocationShape, (_, { apiKey }) => [urn(apiKey)]),
  {
    reads: ({ body }) => [['api_key', body.apiKey]],
    readers: () => [],
    judge(spoken, rows, { recordedIndex }) {
      const row = need(rows, 'api_key', spoken.body.apiKey, 'apiKey');
      requireOwnOrRegistrar(spoken, rows, row.partyId);
      if (row.revokedIndex !== null) {
        throw new RegistryError('state_conflict', `The API key ${row.id} is revoked already.`, { field: 'apiKey' });
      }
      return [put('api_key', { ...row, revokedIndex: recordedIndex })];
    },
  },
);
