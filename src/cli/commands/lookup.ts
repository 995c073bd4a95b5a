/**
 * `muniment lookup PATH|DIGEST`: hashes the file here, asks the registry for its digests alone, and verifies the proofs
 * before it prints anything. Every digest of the file is asked for: whoever renames the tensors of somebody's weights and
 * registers them would otherwise stand alone under the digest that comes first.
 */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Digest } from '../../core/digest.ts';
import type { JudgedTime, Verdict } from '../../core/trust/index.ts';
import type { Client } from '../client.ts';
import type { Context } from '../context.ts';
import type { ModelReport } from '../hash-model.ts';
import type { JudgedPossession } from '../judge-possession.ts';
import type { JudgedMatch, JudgedProvenance } from '../judge-provenance.ts';
import { digestOf } from '../parse.ts';
import { fields, percent } from '../table.ts';
import type { Provenance } from '../views.ts';

export function define(program: Command, context: Context): void {
  program
    .command('lookup')
    .description('Whose model is this, from what, on which terms. The file is hashed here; only its digest is sent.')
    .argument('<path|digest>', 'file of weights, or a digest as "muniment hash" prints it')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment lookup model.safetensors\n\nExit code 1 means: the record fits together, but you have pinned no key of this registry yet,\nso nothing proves that it is not made up ("muniment trust --help").',
    )
    .action(async (text: string) => {
      const typed = digestOf(text);
      const { hashModel } = await import('../hash-model.ts');
      const file = typed === undefined ? await hashModel(context.io, text) : undefined;
      const client = await context.client();
      const answers = await ask(client, typed === undefined ? digestsOf(file!) : [typed]);
      const { judgeProvenance, mergeProvenance } = await import('../judge-provenance.ts');
      const { PROVED } = await import('../../core/trust/index.ts');
      const { describeWitnessed } = await import('../witnessed.ts');
      const parts: JudgedProvenance[] = [];
      for (const { digest, answer } of answers) parts.push(await judgeProvenance(context, client, digest, answer));
      const found = mergeProvenance(parts);
      const { judged, matches, possessions } = found;
      const { describeTime, judgeTime, withTime } = await import('../outside-time.ts');
      for (const match of matches) {
        match.receipts.registration = await withTime(client, match.receipts.registration);
        match.time = await judgeTime(context, match.receipts.registration);
      }
      if (judged.verdict !== PROVED) context.refuse();
      const { origin, size } = judged;
      const digest = answers[0]!.digest;
      context.print(
        {
          verdict: judged.verdict,
          witnessed: judged.witnessed,
          digest,
          ...(file === undefined ? {} : { file }),
          log: { origin, treeSize: size, checkpoint: judged.note },
          matches,
          possessions,
        },
        () => describe(found, describeWitnessed(judged.witnessed), describeTime),
      );
      const earlier = earlierUnderOtherNames(matches);
      if (earlier !== undefined) {
        context.note(
          `The same weights stand on record earlier under other tensor names: ${earlier.registration}, entry ${earlier.index}.`,
        );
      }
    });
}

/** From what says most to what says least of how alike the models are. */
function digestsOf({ fileDigest, weightDigest, namelessDigest }: ModelReport): Digest[] {
  return [fileDigest, weightDigest, namelessDigest].filter((digest) => digest !== null);
}

/** @returns an answer for each digest that stands on record, at least one */
async function ask(client: Client, digests: readonly Digest[]): Promise<{ digest: Digest; answer: Provenance }[]> {
  const answers: { digest: Digest; answer: Provenance }[] = [];
  for (const digest of digests) {
    try {
      answers.push({ digest, answer: await client.get<Provenance>(`/v1/provenance/${digest}`) });
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === 'not_found')) throw error;
    }
  }
  if (answers.length > 0) return answers;
  throw new RegistryError('not_found', `Nothing is on record about ${digests.join(' or ')}.`, {
    fix: 'If the model is yours, put it on record with "muniment register".',
  });
}

/** The first record that the tensors' names hide, where a record under the asked names came after it. */
function earlierUnderOtherNames(matches: readonly JudgedMatch[]): JudgedMatch | undefined {
  const [first] = matches;
  return first?.matched === 'nameless' && matches.some(({ matched }) => matched !== 'nameless') ? first : undefined;
}

const HOW = {
  file: 'the very same file',
  weight: 'the same weights',
  nameless: 'the same weights under other tensor names',
};

type DescribeTime = (time: JudgedTime | null) => string | undefined;

function describe(
  { judged, matches, possessions }: JudgedProvenance,
  witnesses: string | undefined,
  describeTime: DescribeTime,
): string {
  const { origin, size, verdict } = judged;
  const told: Record<Verdict, string> = {
    proved: `The record stands in the log ${origin} (${size} entries), whose key you pinned.`,
    'signed by the log, witness quorum not met':
      `The record stands in the log ${origin} (${size} entries), but fewer operators\n` +
      'of witnesses have seen it than your trust file demands. A fresh record is cosigned within moments: ask again.',
    'follows a log that you trust, origin unproven':
      `The record stands in the log ${origin} (${size} entries), which names a log that you trust as the one that it\n` +
      'follows: get its key from a source you trust, then "muniment trust add KEY".',
    'consistent, origin unproven':
      `Everything fits together, but you have pinned no key of ${origin}:\n` +
      'get its key from a source you trust, then "muniment trust add KEY" ("muniment trust pin" believes the server itself).',
  };
  const seen = witnesses === undefined ? '' : `witnesses: ${witnesses.replaceAll('\n', '\n           ')}\n`;
  const records = [
    ...matches.map((match) => describeMatch(match, describeTime)),
    ...possessions.map(describePossession),
  ];
  return `${records.join('\n')}\nverdict: ${verdict}. ${told[verdict]}\n${seen}`;
}

const describePossession = ({ sealed, maker, subject, sealedIndex, openedIndex }: JudgedPossession): string =>
  fields([
    ['sealed', `${subject}, ${sealed}`],
    ['known to', maker],
    ['before', `entry ${sealedIndex}; told at entry ${openedIndex}`],
    ['note', 'proves that its maker knew the digest by then, and gives no title'],
  ]);

function describeMatch(match: JudgedMatch, describeTime: DescribeTime): string {
  const { model, run, datasets, index, recordedAt } = match;
  const last = run?.epochs.at(-1);
  return fields([
    ['model', model.name],
    ['found by', HOW[match.matched]],
    ['owners', match.owners.map(({ name, party, share }) => `${share}  ${name ?? '(erased)'}  ${party}`).join('\n')],
    ['license', model.license.expression],
    [
      'made by',
      run === null || last === undefined
        ? undefined
        : `a training of ${run.epochs.length} epochs seen by the registry, ${percent(last.testAccuracy)} right on ${run.testImages} test images`,
    ],
    [
      'from data',
      datasets
        .map(
          ({ name, license, holderName }) =>
            `${name}, ${license.expression} (${license.status}), ${holderName ?? '(erased)'}`,
        )
        .join('\n') || undefined,
    ],
    ['from models', model.parents.map(({ relation, digest }) => `${relation} ${digest}`).join('\n') || undefined],
    ['weight digest', model.weights.weightDigest ?? undefined],
    ['record', `${match.registration}, entry ${index}${recordedAt === null ? '' : `, ${recordedAt}`}`],
    ['existed before', describeTime(match.time)],
    ['signed by', match.attestedBy === 'maker' ? `its maker ${match.maker}` : `the registry, for ${match.maker}`],
    ['note', match.precededBy === null ? undefined : `registered earlier by somebody else: ${match.precededBy}`],
  ]);
}
