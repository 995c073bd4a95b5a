/**
 * A signed token read and its signature checked, strictly. `jsonwebtoken` checks the signature, and nothing else is left
 * to it: by itself it ignores `typ` and `crit`, skips issuer and audience where they are undefined, does not ask for `exp`
 * and takes the last of two members with one name. The header chooses among the given keys by name and cannot bring a
 * key, an algorithm or a place to fetch from.
 */
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import type { Json } from '../../core/canonical-json.ts';
import { RegistryError } from '../../core/errors.ts';
import { KEY_ID, TOKEN_ALGORITHM } from '../../core/licensing/token-claims.ts';
import { zodProblem } from '../../core/statement/zod-problem.ts';
import { parseCompact } from './compact.ts';
import type { VerificationKeys } from './jwks.ts';

/** JOSE header (RFC 7515 §4.1), nothing beside these three. */
const headerSchema = z.strictObject({ alg: z.literal(TOKEN_ALGORITHM), typ: z.string(), kid: KEY_ID });
export type TokenHeader = z.infer<typeof headerSchema>;

/** Header members that bring keys or change how the token is read (RFC 7515 §4.1.2–§4.1.8, §4.1.11; RFC 7797). */
const REFUSED_MEMBERS = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'b64', 'zip', 'enc'];

/**
 * @param expected `typ` of the header, and characters of the whole at most
 * @throws RegistryError `token_malformed`, `token_algorithm_refused`, `token_key_unknown`, `signature_invalid`
 */
export function verifyJws(
  token: string,
  keys: VerificationKeys,
  { typ, maxSize }: { typ: string; maxSize: number },
): { header: TokenHeader; payload: Record<string, Json> } {
  const { header: rawHeader, payload } = parseCompact(token, maxSize);
  const header = judgeHeader(rawHeader, typ);
  const key = keys.get(header.kid);
  if (key === undefined) {
    throw new RegistryError('token_key_unknown', `The issuer has no key ${header.kid}, or it is retired.`, {
      field: 'kid',
      fix: 'Fetch the key set again.',
    });
  }
  try {
    jwt.verify(token, key, { algorithms: [TOKEN_ALGORITHM], ignoreExpiration: true, ignoreNotBefore: true });
  } catch (cause) {
    throw new RegistryError('signature_invalid', "The token's signature does not verify.", {
      field: 'signature',
      cause,
    });
  }
  return { header, payload };
}

function judgeHeader(header: Record<string, Json>, typ: string): TokenHeader {
  const refused = REFUSED_MEMBERS.find((name) => Object.hasOwn(header, name));
  if (refused !== undefined) {
    throw new RegistryError('token_malformed', `The token's header carries "${refused}", which is refused.`, {
      field: refused,
    });
  }
  if (header['alg'] !== TOKEN_ALGORITHM) {
    throw new RegistryError('token_algorithm_refused', `License tokens are signed with ${TOKEN_ALGORITHM} alone.`, {
      field: 'alg',
    });
  }
  if (header['typ'] !== typ) {
    throw new RegistryError('token_malformed', `The token is not of the type ${typ}.`, { field: 'typ' });
  }
  const read = headerSchema.safeParse(header);
  if (!read.success) throw zodProblem(read.error, 'token_malformed');
  return read.data;
}
