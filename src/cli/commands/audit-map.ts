/** `muniment log audit-map`: builds the map of all public records anew, and compares it with every one on record. */
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { toHex, utf8 } from '../../core/bytes.ts';
import { sha256 } from '../../platform/crypto.ts';
import type { AuditReport } from '../audit-map.ts';
import type { Context } from '../context.ts';
import { progressBar } from '../progress.ts';
import { count, fields } from '../table.ts';
import { describeWitnessed, noteVerdict } from '../witnessed.ts';

interface Options {
  from?: string;
  keep?: string;
  post?: boolean;
}

export function defineAuditMap(log: Command, context: Context): void {
  log
    .command('audit-map')
    .description(
      'Read all public records, and check that none was left out of the map by which the registry proves absence.',
    )
    .option('--from <file>', 'go on from what an earlier audit kept')
    .option('--keep <file>', 'where to keep how far it came (in the folder of your profile)')
    .option('--post', "put the result on record, signed with your party's key")
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment log audit-map\n  $ muniment log audit-map --from kept.audit --keep kept.audit --post',
    )
    .action(async ({ from, keep, post }: Options) => {
      const { readLog } = await import('../read-log.ts');
      const { readAuditState, writeAuditState } = await import('../audit-state.ts');
      const { judgeMaps, postAudit, readOn } = await import('../audit-map.ts');
      const { client, judged } = await readLog(context);
      const before = from === undefined ? undefined : await readAuditState(resolve(from));
      const bar = await progressBar(context.io, 'Reading {bar} {value}/{total}  {eta_formatted} left', judged.size);
      const { state, logRoots } = await readOn(client, judged, before, (done) => bar.update(done)).finally(() =>
        bar.stop(),
      );
      const report = judgeMaps(judged, state, logRoots);
      const { home } = await context.settings();
      const path = keep === undefined ? defaultPath(home, judged.origin) : resolve(keep);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeAuditState(path, state);
      noteVerdict(context, report.verdict);
      if (report.faultCount > 0) context.refuse();
      const receipt = post === true ? await postAudit(context, report) : null;
      context.print({ ...report, kept: path, receipt }, () => describe(report, path, receipt?.index));
    });
}

/** The origin is text from a stranger: only its digest becomes a file name. */
const defaultPath = (home: string, origin: string): string =>
  join(home, 'audits', `${toHex(sha256(utf8(origin))).slice(0, 32)}.audit`);

function describe(report: AuditReport, path: string, posted: number | undefined): string {
  const { origin, verdict, witnessed, entries, publicStatements, maps, newest, faults, faultCount } = report;
  const summary = fields([
    ['log', origin],
    ['read', `${count(entries)} entries, ${count(publicStatements)} of them public`],
    ['maps', count(maps)],
    [
      'newest',
      newest === null
        ? undefined
        : `entry ${newest.index}: ${count(newest.keys)} digests of ${count(newest.size)} entries`,
    ],
    ['kept in', path],
    ['on record', posted === undefined ? undefined : `entry ${posted}`],
    ['witnesses', describeWitnessed(witnessed)],
    [
      'verdict',
      faultCount > 0
        ? `${count(faultCount)} maps are not what the log makes`
        : `${verdict}. No public record was left out`,
    ],
  ]);
  return faults.length === 0 ? summary : `${faults.map(({ sentence }) => sentence).join('\n')}\n\n${summary}`;
}
