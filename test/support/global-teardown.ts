/** After the last e2e test: stops the PostgreSQL and removes its folder. */
import { rm } from 'node:fs/promises';

export default async function stop(): Promise<void> {
  const started = globalThis.startedPostgres;
  if (!started) return;
  await started.database.close();
  await rm(started.data, { recursive: true, force: true });
}
