/** `muniment fsck` without its terminal: the opened database and Node's cryptography handed to the verifier. */
import { availableParallelism } from 'node:os';
import { sha256, timestampCrypto, verifyEd25519, verifyP256 } from '../../platform/crypto.ts';
import type { Database } from '../../platform/database/index.ts';
import type { FsckOptions } from './fsck.ts';
import { fsck } from './fsck.ts';
import { LocalWorker } from './page-worker.ts';
import type { FsckReport } from './report.ts';
import { startThreads } from './threads.ts';

export interface RunFsckOptions extends Pick<
  FsckOptions,
  'anchorDir' | 'full' | 'onProgress' | 'resume' | 'since' | 'tsaRoots'
> {
  readonly database: Pick<Database, 'appUrl'>;
  /** One for each core without it; 0 does all work in this thread, as where there are no built files for a thread to load. */
  readonly threads?: number | undefined;
}

/**
 * @returns the report, and the exit code of the command: 0 when the log holds, 1 when it does not
 * @throws RegistryError `database_unavailable`
 */
export async function runFsck({
  database,
  threads = import.meta.url.endsWith('.js') ? availableParallelism() : 0,
  ...options
}: RunFsckOptions): Promise<FsckReport & { exitCode: 0 | 1 }> {
  const report = await fsck({
    ...options,
    url: database.appUrl.reveal(),
    sha256,
    verifyEd25519,
    timestampCrypto,
    startWorkers: (setup) =>
      threads === 0 ? [new LocalWorker(setup, sha256, verifyP256)] : startThreads(threads, setup),
  });
  return { ...report, exitCode: report.ok ? 0 : 1 };
}
