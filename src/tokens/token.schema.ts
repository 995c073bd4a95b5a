/** What the token endpoints take and say, in the names that the OAuth RFCs give. */
import { z } from 'zod';
import { RegistryError } from '../core/errors.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import { claimsSchema, audienceSchema, DETAILS_TYPE } from '../core/licensing/token-claims.ts';
import { ACTIONS } from '../core/licensing/actions.ts';
import { digest } from '../core/statement/statement.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import { rowProofSchema } from '../ledger/index.ts';

export const CLIENT_CREDENTIALS = 'client_credentials';
/** RFC 8693. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
export const GRANT_TYPES = [CLIENT_CREDENTIALS, TOKEN_EXCHANGE] as const;

const ACTION_NAMES: ReadonlySet<string> = new Set(ACTIONS);

/** RFC 6749 §3.3: names parted by single blanks, in any order. */
const scope = z
  .string()
  .transform((text) => [...new Set(text.split(' '))])
  .refine((names) => names.every((name) => ACTION_NAMES.has(name)), `must name actions among ${ACTIONS.join(', ')}`)
  .transform((names) => ACTIONS.filter((action) => names.includes(action)));

const clientShape = {
  client_id: z.string().max(100).optional().describe('Id of the API key; here or by HTTP Basic'),
  client_secret: z.string().max(200).optional().describe('The whole API key, mun_…'),
};
export const clientSchema = z.object(clientShape);
export type ClientFields = z.infer<typeof clientSchema>;

/** Parameters that nobody knows are ignored (RFC 6749 §3.2). */
const askedShape = {
  scope: scope.optional().describe('Actions, parted by blanks; all that the grant allows when absent'),
  audience: audienceSchema.optional().describe('Who is to accept the token; the registry itself when absent'),
  lifetime_seconds: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number of seconds')
    .transform(Number)
    .optional(),
  ...clientShape,
};

const tokenType = z.enum([ACCESS_TOKEN_TYPE, 'urn:ietf:params:oauth:token-type:jwt']);

export const tokenRequestSchema = z.discriminatedUnion('grant_type', [
  z.object({ grant_type: z.literal(CLIENT_CREDENTIALS), grant_id: z.string().max(60), ...askedShape }),
  z.object({
    grant_type: z.literal(TOKEN_EXCHANGE),
    subject_token: z.string().min(1).max(100_000).describe('A token of the same grant, or of one above'),
    subject_token_type: tokenType,
    requested_token_type: tokenType.optional(),
    grant_id: z
      .string()
      .max(60)
      .optional()
      .describe('What was passed on to this client; the grant of the token when absent'),
    ...askedShape,
  }),
]);
export type TokenRequest = z.infer<typeof tokenRequestSchema>;

const grantTypeSchema = z.object({ grant_type: z.string() });

/** @throws RegistryError `unsupported_grant_type`, `invalid_input` */
export function readTokenRequest(body: unknown): TokenRequest {
  const { grant_type: type } = readForm(grantTypeSchema, body);
  if (!(GRANT_TYPES as readonly string[]).includes(type)) {
    throw new RegistryError('unsupported_grant_type', `Tokens are issued for ${GRANT_TYPES.join(' and ')}.`, {
      field: 'grant_type',
    });
  }
  return readForm(tokenRequestSchema, body);
}

/** RFC 7662 §2.1, RFC 7009 §2.1; the hint is not needed, there is one type of token. */
export const tokenParameterSchema = z.object({ token: z.string().min(1).max(100_000), ...clientShape });

/** DPoP: bound to a key. */
const TOKEN_TYPES = ['Bearer', 'DPoP'] as const;

export const tokenTypeOf = ({ cnf }: Pick<LicenseTokenClaims, 'cnf'>): (typeof TOKEN_TYPES)[number] =>
  cnf === undefined ? 'Bearer' : 'DPoP';

export const scopeOf = ({ authorization_details }: LicenseTokenClaims): string =>
  authorization_details.flatMap(({ actions }) => actions).join(' ');

export const tokenResponse = z
  .strictObject({
    access_token: z.string(),
    token_type: z.enum(TOKEN_TYPES),
    expires_in: z.int().positive(),
    scope: z.string(),
    jti: z.string(),
    authorization_details: claimsSchema.shape.authorization_details,
    issued_token_type: z.literal(ACCESS_TOKEN_TYPE).optional().describe('Of an exchange'),
  })
  .meta({ id: 'TokenResponse' });
export type TokenResponse = z.infer<typeof tokenResponse>;

export const introspection = z
  .union([
    z.strictObject({ active: z.literal(false) }),
    z.strictObject({
      active: z.literal(true),
      token_type: z.enum(TOKEN_TYPES),
      scope: z.string(),
      disputed: z.boolean().describe('Whether a claim stands against the title of the model; the token counts'),
      ...claimsSchema.shape,
    }),
  ])
  .meta({ id: 'Introspection' });
export type Introspection = z.infer<typeof introspection>;

export const TOKEN_STATES = ['active', 'expired', 'revoked', 'suspended'] as const;
/** Revoked is also a token whose grant has ended. */
export type TokenEnd = Exclude<(typeof TOKEN_STATES)[number], 'active' | 'expired'>;

export const tokenView = z
  .strictObject({
    jti: z.string(),
    grant: z.string(),
    licensor: z.string(),
    licensee: z.string(),
    kid: z.string(),
    issuedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    state: z.enum(TOKEN_STATES).describe('At the time of the answer'),
    disputed: z.boolean().describe('Whether a claim stands against the title of the model; the token counts'),
    revocation: digest.nullable().describe('The statement that revoked this very token'),
    issuance: rowProofSchema,
  })
  .meta({ id: 'Token' });
export type TokenView = z.infer<typeof tokenView>;

export const metadataSchema = z
  .strictObject({
    issuer: z.string(),
    token_endpoint: z.string(),
    jwks_uri: z.string(),
    introspection_endpoint: z.string(),
    revocation_endpoint: z.string(),
    status_list_aggregation_endpoint: z.string(),
    response_types_supported: z.array(z.string()).length(0),
    grant_types_supported: z.array(z.enum(GRANT_TYPES)),
    dpop_signing_alg_values_supported: z.array(z.string()),
    scopes_supported: z.array(z.enum(ACTIONS)),
    authorization_details_types_supported: z.array(z.literal(DETAILS_TYPE)),
    token_endpoint_auth_methods_supported: z.array(z.string()),
    introspection_endpoint_auth_methods_supported: z.array(z.string()),
    revocation_endpoint_auth_methods_supported: z.array(z.string()),
  })
  .meta({ id: 'AuthorizationServerMetadata' });
export type Metadata = z.infer<typeof metadataSchema>;

/** As the registry itself writes it: a list has one address. */
const wholeNumber = (most: number) =>
  z
    .string()
    .regex(/^(?:0|[1-9]\d{0,14})$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value <= most, `must be at most ${most}`);

export const statusListParams = z.strictObject({ number: wholeNumber(2_147_483_647) });
export const statusListQuery = z.strictObject({
  time: wholeNumber(253_402_300_799)
    .optional()
    .describe('Seconds since 1970: as the list stood then; for registrar and auditors'),
});
export const statusListUris = z.strictObject({ status_lists: z.array(z.string()) }).meta({ id: 'StatusLists' });

export const tokenParams = z.strictObject({ jti: z.string().max(60) });
export const keyParams = z.strictObject({ kid: z.string().max(60) });
export const rotateSchema = z
  .strictObject({ immediately: z.boolean().default(false).describe('Where the present key leaked') })
  .meta({ id: 'RotateTokenKey' });
export const retireSchema = z.strictObject({ reason: z.string().max(500) }).meta({ id: 'RetireTokenKey' });

/**
 * Reads form fields; a field without a value counts as absent (RFC 6749 §3.1).
 * @throws RegistryError `invalid_input`
 */
export function readForm<Form>(schema: z.ZodType<Form>, body: unknown): Form {
  const fields = Object.entries(typeof body === 'object' && body !== null ? body : {}).filter(
    ([, value]) => value !== '',
  );
  const read = schema.safeParse(Object.fromEntries(fields));
  if (!read.success) throw zodProblem(read.error, 'invalid_input');
  return read.data;
}
