/**
 * What judges license tokens without a network: the registry's public keys and its status lists, in one file. A bundle is
 * as old as its oldest list; whoever relies on it says how old that may be.
 */
import { z } from 'zod';
import { RegistryError } from '../core/errors.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import { zodProblem } from '../core/statement/zod-problem.ts';
import type { VerificationKeys } from '../tokens/license-token/index.ts';
import type { Context } from './context.ts';
import { writePrivate } from './profile.ts';
import { readText } from './settings.ts';

const bundleSchema = z.strictObject({
  type: z.literal('urn:muniment:token-bundle:v1'),
  issuer: z.string(),
  jwks: z.looseObject({}),
  statusLists: z.record(z.string(), z.string()).describe('Signed lists by their URIs'),
});
export type TokenBundle = z.infer<typeof bundleSchema>;

export async function fetchBundle(context: Context, path: string): Promise<TokenBundle> {
  const client = await context.client();
  const { issuer } = await client.get<{ issuer: string }>('/.well-known/oauth-authorization-server');
  const jwks = await client.get<Record<string, unknown>>('/.well-known/jwks.json');
  const { status_lists: uris } = await client.get<{ status_lists: string[] }>('/statuslists');
  const statusLists: Record<string, string> = {};
  for (const uri of uris) {
    // Asked where the registry was reached, whatever it is called to the outside.
    statusLists[uri] = await client.text(`/statuslists/${uri.split('/').at(-1)}`);
  }
  const bundle: TokenBundle = { type: 'urn:muniment:token-bundle:v1', issuer, jwks, statusLists };
  // Whole or not at all: what relies on it may read it at any moment.
  await writePrivate(path, `${JSON.stringify(bundle)}\n`);
  return bundle;
}

/** @throws RegistryError `unreachable`, `invalid_input` */
export async function readBundle(path: string): Promise<TokenBundle> {
  let value: unknown;
  try {
    value = JSON.parse(await readText(path));
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('invalid_input', `"${path}" is not JSON.`, { field: 'offline', cause });
  }
  const read = bundleSchema.safeParse(value);
  if (!read.success) throw zodProblem(read.error, 'invalid_input', 'offline');
  return read.data;
}

/**
 * What the bundle knows of a token.
 * @param maxStaleness seconds
 * @throws RegistryError `token_revoked`, `token_suspended`, `status_stale`, `status_list_invalid`
 */
export async function judgeStatus(
  { issuer, statusLists }: TokenBundle,
  claims: LicenseTokenClaims,
  { keys, now, maxStaleness }: { keys: VerificationKeys; now: number; maxStaleness: number },
): Promise<{ status: string; asOf: string }> {
  const { uri } = claims.status.status_list;
  const token = statusLists[uri];
  if (token === undefined) {
    throw new RegistryError('status_stale', `The bundle was made before there was the status list ${uri}.`, {
      field: 'offline',
      fix: 'Make another one: muniment token bundle --out FILE.',
    });
  }
  const { requireCounts, verifyStatusList } = await import('../tokens/status-list/index.ts');
  const list = verifyStatusList(token, { keys, issuer, uri, now, maxStaleness });
  return { status: requireCounts(claims, list), asOf: new Date(list.issuedAt * 1000).toISOString() };
}
