/**
 * The record of a run as it was signed, for a replay by a worker. The table `registry.run` says the same; whoever can
 * write to the database can alter that, and a replay of what was altered would be of nothing that anybody signed.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EntityManager } from 'typeorm';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { RunBody } from '../core/registry/run.ts';
import { verifySpoken } from '../core/registry/spoken.ts';
import { parseEnvelope } from '../core/statement/dsse.ts';
import type { Ledger } from '../ledger/index.ts';
import { sha256, verifyP256 } from '../platform/crypto.ts';
import { documentOfRun } from './replay.store.ts';

/**
 * @throws RegistryError `not_found`; `ledger_inconsistent` where the table says another thing, with the first epoch of
 *   which it does; `signature_invalid`
 */
export async function signedRun(manager: EntityManager, ledger: Ledger, id: string): Promise<RunBody> {
  const row = await documentOfRun(manager, id);
  if (row === undefined) throw new RegistryError('not_found', `There is no run ${id} on record.`, { field: 'run' });
  const { envelope, publicKey } = await ledger.receipt(row.statement as Digest, undefined);
  const { kind, common, body, payloadDigest } = await verifySpoken(
    sha256,
    verifyP256,
    parseEnvelope(envelope),
    publicKey,
  );
  if (payloadDigest !== row.statement || kind.kind !== 'run' || common.id !== id) {
    throw new RegistryError('ledger_inconsistent', `The signed record is not the one of the run ${id}.`);
  }
  const signed = body as RunBody;
  if (isDeepStrictEqual(signed, row.document)) return signed;
  const altered = signed.epochs.find((epoch, i) => !isDeepStrictEqual(epoch, row.document.epochs[i]));
  const where = altered === undefined ? '' : ` of epoch ${altered.epoch}`;
  throw new RegistryError(
    'ledger_inconsistent',
    `What the table of runs says${where} of ${id} is not what was signed: it was altered.`,
    { field: altered === undefined ? 'run' : `epochs.${altered.epoch - 1}`, fix: 'Run "muniment fsck".' },
  );
}
