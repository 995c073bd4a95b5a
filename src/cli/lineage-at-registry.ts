/** Checks of a model's parents by a worker of the registry, for files that it keeps; what it finds is its own word. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RegistryError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { findAnyModel } from './find-model.ts';
import { count } from './table.ts';
import type { LineageJobView } from './views.ts';

const ASK_MS = 500;
const isOver = ({ state }: LineageJobView): boolean => state !== 'queued' && state !== 'running';

/** @param watch whether to wait until all are over @throws RegistryError what `POST /v1/lineage-check-jobs` answers */
export async function checkAtRegistry(context: Context, asked: string, watch: boolean): Promise<LineageJobView[]> {
  const { client } = await context.session();
  const registration = await findAnyModel(context, asked);
  let jobs = await client.post<LineageJobView[]>('/v1/lineage-check-jobs', { registration });
  const told = new Map<string, string>();
  while (watch) {
    for (const job of jobs) {
      const now = standingOf(job);
      if (told.get(job.id) !== now) context.note(`${job.relation} ${job.parents.join(', ')}: ${now}`);
      told.set(job.id, now);
    }
    if (jobs.every(isOver)) break;
    await sleep(ASK_MS);
    jobs = await client.get<LineageJobView[]>(`/v1/lineage-check-jobs?registration=${registration}`);
  }
  return jobs;
}

function standingOf({ state, progress, finding }: LineageJobView): string {
  if (progress !== null) return `running, ${count(progress.bytesRead)} bytes read`;
  return finding ?? state;
}

/** @throws RegistryError `usage` for options of the other kind of check */
export function requireAtRegistry(
  parents: readonly string[],
  { atRegistry, watch, ...here }: { atRegistry?: true; watch?: true },
): void {
  if (atRegistry !== true) {
    if (watch === true) throw new RegistryError('usage', 'The option --watch needs --at-registry.', { field: 'watch' });
    if (parents.length > 0) return;
    throw new RegistryError('usage', 'The file of a parent is missing.', {
      field: 'parent',
      fix: 'Name it behind that of the model; or let the registry check what it keeps: --at-registry.',
    });
  }
  const [other] = Object.keys(here);
  if (parents.length === 0 && other === undefined) return;
  throw new RegistryError('usage', 'The registry checks the parents that are on record, and records what it finds.', {
    field: other ?? 'parent',
    fix: `Leave out ${other === undefined ? 'the files of the parents' : `--${other}`}, or --at-registry.`,
  });
}
