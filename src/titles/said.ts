/** What a signed statement says, where a request must fit it: when it was made, and what it speaks of. */
import { RegistryError } from '../core/errors.ts';
import { KINDS } from '../core/registry/index.ts';
import { parseEnvelope } from '../core/statement/dsse.ts';
import type { ParsedStatement } from '../core/statement/statement.ts';
import { parseStatement } from '../core/statement/statement.ts';
import type { SignedWrite } from '../ledger/index.ts';
import { sha256 } from '../platform/crypto.ts';

/** Long enough to carry a statement from a machine without a network. */
const MAX_SKEW_MS = 24 * 60 * 60 * 1000;

/**
 * Whether an offer has lapsed, an interest has ended or a window is over is told by what the maker says the time is.
 * @throws RegistryError `invalid_input`
 */
export function requireTimely(write: SignedWrite): ParsedStatement {
  const statement = parseStatement(sha256, KINDS, parseEnvelope(write).payload);
  if (Math.abs(Date.parse(statement.common.statedAt) - Date.now()) <= MAX_SKEW_MS) return statement;
  throw new RegistryError('invalid_input', 'The statement was made more than a day before or after it arrived.', {
    field: 'statedAt',
    fix: 'Set your clock right, and sign the statement again.',
  });
}

/**
 * The address of a request and the statement in it must not speak of two things.
 * @param kind of statement that is expected; another one is refused by the ledger
 * @param field the member that names the thing
 * @throws RegistryError `invalid_input`
 */
export function requireSpeaksOf({ form, body }: ParsedStatement, kind: string, field: string, id: string): void {
  if (form.kind !== kind || (body as Record<string, unknown>)[field] === id) return;
  throw new RegistryError('invalid_input', `The statement speaks of another ${field} than the address.`, { field });
}
