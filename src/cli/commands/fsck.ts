/** `muniment fsck`: recomputes everything that the database holds from the signed records, and says what differs. */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { FsckReport } from '../../ledger/fsck/index.ts';
import type { Context } from '../context.ts';
import { progressBar } from '../progress.ts';
import type { Bar } from '../progress.ts';
import { readText } from '../settings.ts';
import { count, fields } from '../table.ts';

interface Options {
  data?: string;
  full?: boolean;
  since?: string;
  resume?: string;
  anchor: boolean;
}

export function define(program: Command, context: Context): void {
  program
    .command('fsck')
    .description(
      'Check every record of the database against its proofs. Reads only; a running registry is not disturbed.',
    )
    .option('--data <folder>', 'data folder of the registry (MUNIMENT_DATA, .muniment)')
    .option('--full', 'also verify every signature')
    .option(
      '--since <file>',
      'a signed state that was kept elsewhere ("muniment log checkpoint"), which must still hold',
    )
    .option(
      '--resume <file>',
      'keep the state of the check in this file; where it is there, go on with the check that was stopped',
    )
    .option('--no-anchor', 'without the copy of the newest state outside the database')
    .addHelpText('after', '\nExample:\n  $ muniment fsck --full --since last-month.checkpoint')
    .action(async ({ full, since, resume, anchor, data }: Options) => {
      const { requireRegistry, serverConfig, serverLog } = await import('../server-config.ts');
      const config = await serverConfig(context, data === undefined ? {} : { data });
      await requireRegistry(config);
      const log = await serverLog(context, config);
      const [{ openDatabase }, { runFsck }, { rootsInPem }] = await Promise.all([
        import('../../platform/database/index.ts'),
        import('../../ledger/fsck/index.ts'),
        import('../../core/time/index.ts'),
      ]);
      const tsaRoots =
        config.tsaRoots === undefined ? undefined : rootsInPem(await readText(config.tsaRoots), 'MUNIMENT_TSA_ROOTS');
      const kept = since === undefined ? undefined : await readText(since);
      const database = await openDatabase(config, log);
      let bar: Bar | undefined;
      let opening: Promise<Bar> | undefined;
      try {
        const { exitCode, ...report } = await runFsck({
          database,
          full: full === true,
          since: kept,
          tsaRoots,
          resume,
          anchorDir: anchor ? config.anchorDir : undefined,
          onProgress: (done, total) => {
            opening ??= progressBar(context.io, 'Checking {bar} {value}/{total}  {eta_formatted} left', total);
            void opening.then((opened) => (bar = opened).update(done));
          },
        });
        if (exitCode !== 0) context.refuse();
        await opening;
        bar?.stop();
        context.print(report, () => describe(report));
      } catch (error) {
        throw isNotMigrated(error) ? notMigrated(error) : error;
      } finally {
        bar?.stop();
        await database.close();
      }
    });
}

/** PostgreSQL's undefined_table, and undefined schema (Appendix A). */
const isNotMigrated = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '42P01' || error.code === '3F000');

const notMigrated = (cause: unknown): RegistryError =>
  new RegistryError('state_conflict', 'The database is not migrated: tables of the registry are missing.', {
    fix: 'Run "muniment migrate", if this is the right database.',
    cause,
  });

function describe({ ok, origin, size, checked, findings, findingCount, erased, full, seconds }: FsckReport): string {
  const summary = fields([
    ['log', origin ?? 'unknown'],
    ['entries', count(size)],
    [
      'checked',
      Object.entries(checked)
        .map(([what, many]) => `${count(many)} ${what}`)
        .join(', '),
    ],
    ['erased', erased === 0 ? undefined : `${count(erased)} values, as recorded`],
    ['signatures', full ? undefined : 'not verified (--full)'],
    ['time', `${seconds.toFixed(1)} s`],
    ['verdict', ok ? 'everything holds' : `${count(findingCount)} faults`],
  ]);
  const faults = findings.map(({ table, key, message }) =>
    [table, key].some((part) => part !== undefined) ? `${table ?? ''} ${key ?? ''}: ${message}` : message,
  );
  return faults.length === 0 ? summary : `${faults.join('\n')}\n\n${summary}`;
}
