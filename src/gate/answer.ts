/** How a gate refuses over HTTP: RFC 9457, with the challenge that RFC 6750 and RFC 9449 ask for. */
import type { ErrorCode } from '../core/errors.ts';
import { RegistryError } from '../core/errors.ts';
import { DPOP_ALGORITHMS } from '../tokens/dpop/index.ts';

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const AT_A_GATE: Readonly<Partial<Record<ErrorCode, number>>> = {
  // A token that ended is known, and its holder is: it is forbidden, and no other credentials help.
  token_revoked: 403,
  token_suspended: 403,
  // Nothing that the client has sent.
  status_list_invalid: 503,
  malformed_json: 500,
};

/** @throws what is no refusal of the gate */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof RegistryError)) throw error;
  const status = AT_A_GATE[error.code] ?? error.status;
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
