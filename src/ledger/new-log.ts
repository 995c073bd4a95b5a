/**
 * Begins a log that follows one which cannot be continued, since its end is lost or its key has leaked. The old log's
 * database stays as it is, as evidence; the new log has a database, an origin and keys of its own, and its first entry
 * names the last known head of the old one.
 */
import { RegistryError } from '../core/errors.ts';
import type { Previous } from '../core/trust/index.ts';
import type { Config } from '../platform/config/index.ts';
import type { Database } from '../platform/database/index.ts';
import { DataSource, dataSourceOptions } from '../platform/database/index.ts';
import type { MasterKey } from '../platform/keys/index.ts';
import { LedgerCore } from './ledger-core.ts';
import { readHead } from './log.store.ts';

export interface NewLog {
  origin: string;
  verifierKey: string;
}

/** @throws RegistryError `state_conflict` for a database in which a log was begun already, `ledger_refuses_to_sign` */
export async function beginLog(
  { database, config, masterKey }: { database: Database; config: Config; masterKey: MasterKey },
  previous: Previous,
): Promise<NewLog> {
  const source = await new DataSource(dataSourceOptions(database.appUrl.reveal(), [], 2)).initialize();
  try {
    const head = await readHead(source.manager);
    if (head !== undefined) {
      throw new RegistryError('state_conflict', `The database holds the log ${head.origin} already.`, {
        fix: 'Keep it as it is, and name an empty data folder (--data) or an empty database (DATABASE_URL).',
      });
    }
    const core = await LedgerCore.open(source, config, masterKey, { previous });
    await core.writer.stop();
    return { origin: core.signer.origin, verifierKey: core.signer.verifierKey };
  } finally {
    await source.destroy();
  }
}
