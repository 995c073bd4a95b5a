/** `muniment fsck` without its terminal: the opened database and Node's cryptography handed to the verifier. */
import { sha256, timestampCrypto, verifyEd25519, verifyP256OnThread } from '../../platform/crypto.ts';
import type { Database } from '../../platform/database/index.ts';
import type { FsckOptions } from './fsck.ts';
import { fsck } from './fsck.ts';
import type { FsckReport } from './report.ts';

export interface RunFsckOptions extends Pick<FsckOptions, 'anchorDir' | 'full' | 'onProgress' | 'since' | 'tsaRoots'> {
  readonly database: Pick<Database, 'appUrl'>;
}

/**
 * @returns the report, and the exit code of the command: 0 when the log holds, 1 when it does not
 * @throws RegistryError `database_unavailable`
 */
export async function runFsck({ database, ...options }: RunFsckOptions): Promise<FsckReport & { exitCode: 0 | 1 }> {
  const crypto = { sha256, verifyEd25519, verifyP256: verifyP256OnThread, timestampCrypto };
  const report = await fsck({ ...options, ...crypto, url: database.appUrl.reveal() });
  return { ...report, exitCode: report.ok ? 0 : 1 };
}
