import { z } from 'zod';
import { id } from '../core/statement/statement.ts';

export const ENDPOINTS = ['token', 'introspect', 'revoke', 'artifact'] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

export const refusalQuery = z.strictObject({
  grant: id('grant').optional(),
  after: z.coerce.number().int().min(0).default(0).describe('Number of the last one that was seen'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type RefusalQuery = z.infer<typeof refusalQuery>;

export const refusalView = z
  .strictObject({
    number: z.int(),
    at: z.iso.datetime({ precision: 3 }),
    endpoint: z.enum(ENDPOINTS).describe('What was asked for: a token, what one is worth, its end, or weights by one'),
    code: z.string(),
    party: z.string().nullable().describe('Who asked, as far as it was known'),
    apiKey: z.string().nullable(),
    grant: z.string().nullable(),
    token: z.string().nullable().describe('The genuine token that was shown'),
    times: z.int().describe('How often, within a second'),
  })
  .meta({ id: 'TokenRefusal' });
export type RefusalView = z.infer<typeof refusalView>;
