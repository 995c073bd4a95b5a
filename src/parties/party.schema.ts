import { z } from 'zod';
import { erasure, key, keyRevocation } from '../core/registry/index.ts';
import { END_REASONS } from '../core/registry/key.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import { commonShape, digest, id, instant } from '../core/statement/statement.ts';
import { writeSchema } from '../ledger/index.ts';
import { SCOPE_NAMES } from '../platform/auth/index.ts';

/** The registrar's: parties come to be by the registry's own statement. */
export const createPartySchema = z
  .strictObject({
    id: commonShape.id.optional(),
    name: z.string().trim().min(1).max(200),
    kind: z.enum(['organization', 'person']).default('organization'),
    roles: z
      .array(z.enum(['auditor']))
      .max(1)
      .default([]),
  })
  .meta({ id: 'CreateParty' });
export type CreateParty = z.infer<typeof createPartySchema>;

const scopes = z
  .array(z.enum(SCOPE_NAMES as [string, ...string[]]))
  .min(1)
  .max(SCOPE_NAMES.length);

/** Made by the registry, which then tells the secret once. */
export const createApiKeySchema = z
  .strictObject({
    label: z.string().max(80).default(''),
    scopes: scopes.default(SCOPE_NAMES),
    expiresAt: instant.nullable().default(null),
  })
  .meta({ id: 'CreateApiKey' });
export type CreateApiKey = z.infer<typeof createApiKeySchema>;

export const eraseSchema = writeSchema(erasure).meta({ id: 'Erase' });
export const registerKeySchema = writeSchema(key).meta({ id: 'RegisterKey' });
export const revokeKeySchema = writeSchema(keyRevocation).meta({ id: 'RevokeKey' });
export const revokeApiKeySchema = z.strictObject({ reason: z.string().max(500).default('') }).meta({ id: 'Reason' });

export const partyParams = z.strictObject({ id: z.string().max(60) });
export const partyQuery = z.strictObject({
  name: z.string().max(200).optional().describe('Only those of exactly this name'),
  after: z.coerce.number().int().nonnegative().optional().describe('Only those recorded at higher indexes'),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
});
export type PartyQuery = z.infer<typeof partyQuery>;

export const partyKeyView = z
  .strictObject({
    fingerprint: digest,
    publicKey: z.string(),
    statement: digest.describe('That registered it'),
    recordedIndex: z.int(),
    revoked: z
      .strictObject({
        index: z.int().describe('From this entry on it signs nothing; what it signed before stays valid'),
        statement: digest.describe('That ended it'),
        reason: z.enum(END_REASONS),
        successor: digest.nullable().describe('The key that goes on in its place, where its party named one'),
      })
      .nullable()
      .describe('Null while the key is in force'),
  })
  .meta({ id: 'PartyKey' });

export const partyView = z
  .strictObject({
    id: z.string(),
    name: z.string().nullable().describe('Null when the name was erased'),
    kind: z.enum(['organization', 'person']),
    roles: z.array(z.string()),
    nameCommitment: digest.describe('What an erasure of the name speaks of'),
    ended: z
      .strictObject({ index: z.int(), succession: id('succession') })
      .nullable()
      .describe('Where its succession came into force; others act in its place since then'),
    keys: z.array(partyKeyView).describe('In the order in which they were registered, those that have ended too'),
    statement: digest,
    recordedIndex: z.int(),
  })
  .meta({ id: 'Party' });
export type PartyView = z.infer<typeof partyView>;

export const apiKeyCreated = z
  .strictObject({ key: z.string().describe('Shown once'), receipt: receiptSchema })
  .meta({ id: 'ApiKeyCreated' });

export const whoami = z
  .strictObject({ party: partyView, apiKeyId: z.string(), scopes: z.array(z.string()), roles: z.array(z.string()) })
  .meta({ id: 'WhoAmI' });
