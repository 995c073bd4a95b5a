/** Uses of a model under a license, reported and shown. A report has an id of its own and counts once. */
import { RegistryError } from '../core/errors.ts';
import { newId } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import type { Use } from './parse.ts';
import { readSecret } from './settings.ts';

export interface UsageCounts {
  grant: string;
  maxCalls: number | null;
  calls: number;
  leased: number;
  left: number | null;
}

export interface UsageView extends UsageCounts {
  byAction: Record<string, number>;
  byDay: { day: string; calls: number }[];
}

export interface UsageReport {
  use: Use[];
  /** Id of the token that they were made with */
  jti?: string;
  /** A license token under the grant, as itself, `@FILE` or `-`, from who is no side of it */
  token?: string;
  /** Both at present where they are not given */
  from?: string;
  to?: string;
  /** That of a report whose answer was lost */
  id?: string;
}

/** @throws RegistryError `quota_exceeded`, `idempotency_key_reused`, `state_conflict`, `not_found`; `unreachable` says how to repeat it */
export async function reportUsage(
  context: Context,
  grant: string,
  { use, jti, token, to = new Date().toISOString(), from = to, id = newId('usagereport') }: UsageReport,
): Promise<UsageCounts & { report: string }> {
  const client = await context.client();
  const body = {
    ...{ id, from, to, uses: use.map((each) => ({ token: jti ?? null, ...each })) },
    ...(token === undefined ? {} : { token: await readSecret(token, context.io) }),
  };
  try {
    return { report: id, ...(await client.post<UsageCounts>(usageOf(grant), body)) };
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'unreachable') throw error;
    throw new RegistryError('unreachable', `${error.message} Whether the uses were counted is not known.`, {
      fix: `Repeat the report, which counts once: the same with --id ${id} --from ${from} --to ${to}`,
      cause: error,
    });
  }
}

export const showUsage = async (context: Context, grant: string): Promise<UsageView> =>
  (await context.client()).get<UsageView>(usageOf(grant));

const usageOf = (grant: string): string => `/v1/grants/${encodeURIComponent(grant)}/usage`;
