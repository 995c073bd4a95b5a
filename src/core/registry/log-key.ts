/**
 * Keys that sign the log's checkpoints. The first is introduced with the log; the next is announced by a statement in the
 * log, so that it stands under checkpoints of the key before it, and signs beside that one until that one is retired by
 * another statement. The log keeps its name, which ends in the fingerprint of its first key: a name, and no proof.
 *
 * This is for a change of keys in good order. Whoever has stolen a key could announce one of his own: a key that leaked
 * ends its log.
 */
import { z } from 'zod';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import { ED25519, parseVerifierKey } from '../note/verifier-key.ts';
import { form, urn } from '../statement/statement.ts';
import { requireRegistry } from './authority.ts';
import type { Rows } from './kind.ts';
import { kind, requireNew } from './kind.ts';
import { put } from './tables.ts';
import type { Tables } from './tables.ts';

const verifierKey = z.string().max(400);

const keyShape = {
  verifierKey: verifierKey.describe('The next key of the checkpoints, as a C2SP signed-note verifier key'),
  replaces: verifierKey.describe('The key that it is to replace, and beside which it signs from now on'),
};
const keyForm = form('log-key', keyShape, ({ id }) => [urn(id)]);
export type LogKeyBody = z.infer<typeof keyForm.body>;

export const logKey = kind(keyForm, {
  reads: ({ body }) => [
    ['log_key', body.verifierKey],
    ['log_key', body.replaces],
  ],
  coheres: (sha256, body) => requireKey(sha256, body.verifierKey),
  judge(spoken, rows, place) {
    const { body, common } = spoken;
    requireRegistry(spoken, rows);
    requireNew(rows, 'log_key', body.verifierKey);
    requireInUse(rows, body.replaces, 'replaces');
    if (!body.verifierKey.startsWith(`${common.origin}+`)) {
      throw new RegistryError('invalid_input', 'The key bears the name of another log.', { field: 'verifierKey' });
    }
    return [put('log_key', { verifierKey: body.verifierKey, retiredIndex: null, ...place })];
  },
});

const retirementShape = {
  verifierKey: verifierKey.describe('The key that signs no checkpoint above this statement'),
  successor: verifierKey.describe('One that goes on signing'),
  reason: z.string().max(500),
};
const retirementForm = form('log-key-retirement', retirementShape, ({ id }) => [urn(id)]);
export type LogKeyRetirementBody = z.infer<typeof retirementForm.body>;

export const logKeyRetirement = kind(retirementForm, {
  reads: ({ body }) => [
    ['log_key', body.verifierKey],
    ['log_key', body.successor],
  ],
  judge(spoken, rows, { recordedIndex }) {
    const { body } = spoken;
    requireRegistry(spoken, rows);
    const row = requireInUse(rows, body.verifierKey, 'verifierKey');
    requireInUse(rows, body.successor, 'successor');
    if (body.successor === body.verifierKey) {
      throw new RegistryError('state_conflict', 'A log cannot do without a key.', { field: 'successor' });
    }
    return [put('log_key', { ...row, retiredIndex: recordedIndex })];
  },
});

function requireKey(sha256: Sha256, text: string): void {
  if (parseVerifierKey(sha256, text).algorithm === ED25519) return;
  throw new RegistryError('invalid_input', 'The key is not for plain Ed25519 signatures.', { field: 'verifierKey' });
}

function requireInUse(rows: Rows, key: string, field: string): Tables['log_key'] {
  const row = rows.get('log_key', key);
  if (row === undefined) throw new RegistryError('not_found', 'The log has no such key.', { field });
  if (row.retiredIndex === null) return row;
  throw new RegistryError('state_conflict', 'The key is retired already.', { field });
}
