/** How a gate refuses over HTTP: RFC 9457, with the challenge that RFC 6750 and RFC 9449 ask for. */
import { RegistryError } from '../core/errors.ts';
import { DPOP_ALGORITHMS } from '../tokens/dpop/index.ts';

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A token that ended is known, and its holder is: it is forbidden, and no other credentials help. */
const FORBIDDEN: ReadonlySet<string> = new Set(['token_revoked', 'token_suspended']);

/** @throws what is no refusal of the gate */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof RegistryError)) throw error;
  const status = FORBIDDEN.has(error.code) ? 403 : error.status;
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(status === 401 ? { 'www-authenticate': `Bearer, DPoP algs="${DPOP_ALGORITHMS.join(' ')}"` } : {}),
    },
    body: JSON.stringify({ ...error.toProblem(), status }),
  };
}
