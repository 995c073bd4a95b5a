/** A look-up that finds nothing says so only when the registry proves it, for every digest that was asked for. */
import { RegistryError } from '../core/errors.ts';
import type { MapAnswer } from '../core/map/answer.ts';
import type { JudgedMap } from '../core/trust/index.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-code.ts';
import type { ModelReport } from './hash-model.ts';
import type { AskedMap } from './judge-map.ts';
import { judgeMap, oldestOf, requireComplete, requireOneLog } from './judge-map.ts';
import { describeAudit, describeVerdict } from './lookup-verdict.ts';
import { fields } from './table.ts';
import { describeWitnessed, weakest } from './witnessed.ts';

/** @throws RegistryError `proof_invalid` unless the registry proves that no public registration names any of the digests */
export async function printAbsence(
  context: Context,
  client: Client,
  maps: readonly AskedMap[],
  file: ModelReport | undefined,
): Promise<void> {
  const absence: MapAnswer[] = [];
  const judged: JudgedMap[] = [];
  for (const { digest, answer } of maps) {
    if (answer === undefined) {
      throw new RegistryError('proof_invalid', `The registry shows nothing about ${digest}, and proves nothing.`, {
        fix: 'Ask again in a minute; a registry keeps a map of all public records, from which it proves what is absent.',
      });
    }
    const map = await judgeMap(context, client, digest, answer);
    requireComplete(map, { matches: [], possessions: [] });
    absence.push(answer);
    judged.push(map);
  }
  const checkpoints = judged.map((map) => map.checkpoint);
  requireOneLog(checkpoints);
  const { asOf, statedAt, audit, checkpoint } = oldestOf(judged)!;
  const { origin, size, note } = checkpoint;
  const { verdict, witnessed } = weakest(checkpoints);
  const digests = maps.map(({ digest }) => digest);
  const detail = `No public registration as of entry ${asOf} (${statedAt}); sealed ones may exist.`;
  context.exitCode = EXIT.notFound;
  context.print(
    {
      code: 'not_found',
      detail,
      verdict,
      witnessed,
      digests,
      ...(file === undefined ? {} : { file }),
      log: { origin, treeSize: size, checkpoint: note },
      asOf,
      statedAt,
      audit,
      absence,
    },
    () =>
      fields([
        ['model', digests.join('\n')],
        ['record', detail],
        ['audited', describeAudit(audit)],
        ['verdict', describeVerdict({ origin, size, verdict }, 'The proof of absence')],
        ['witnesses', describeWitnessed(witnessed)],
        ['near copies', file?.weightDigest ? 'have other digests: "muniment similar FILE" looks for them' : undefined],
      ]),
  );
}
