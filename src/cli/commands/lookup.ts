/**
 * `muniment lookup PATH|DIGEST`: hashes the file here, asks the registry for its digests alone, and verifies the proofs
 * before it prints anything. Every digest of the file is asked for: whoever renames the tensors of somebody's weights and
 * registers them would otherwise stand alone under the digest that comes first. The registry's map proves that nothing
 * public was left out, or that there is nothing.
 */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Digest } from '../../core/digest.ts';
import type { JudgedMap, JudgedTime } from '../../core/trust/index.ts';
import type { Client } from '../client.ts';
import type { Context } from '../context.ts';
import type { ModelReport } from '../hash-model.ts';
import type { AskedMap } from '../judge-map.ts';
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
      '\nExample:\n  $ muniment lookup model.safetensors\n\nExit code 1 means: the record fits together, but you have pinned no key of this registry yet,\nso nothing proves that it is not made up ("muniment trust --help").\nExit code 3 means: no public registration names it, as the registry proves; the verdict says whether\nyou know the registry.',
    )
    .action(async (text: string) => {
      const typed = digestOf(text);
      const { hashModel } = await import('../hash-model.ts');
      const file = typed === undefined ? await hashModel(context.io, text) : undefined;
      const client = await context.client();
      const digests = typed === undefined ? digestsOf(file!) : [await fileOfRoot(client, typed)];
      const { askMap } = await import('../judge-map.ts');
      // Before the records: what the map names, they must show.
      const maps: AskedMap[] = [];
      for (const digest of digests) maps.push({ digest, answer: await askMap(client, digest) });
      const answers = await ask(client, digests);
      if (answers.length > 0) return printRecords(context, client, maps, answers, file);
      const { printAbsence } = await import('../lookup-absence.ts');
      await printAbsence(context, client, maps, file);
    });
}

async function printRecords(
  context: Context,
  client: Client,
  maps: readonly AskedMap[],
  answers: readonly { digest: Digest; answer: Provenance }[],
  file: ModelReport | undefined,
): Promise<void> {
  const { judgeProvenance, mergeProvenance } = await import('../judge-provenance.ts');
  const { oldestOf, requireOneLog } = await import('../judge-map.ts');
  const { describeComplete, describeVerdict } = await import('../lookup-verdict.ts');
  const { describePossession } = await import('../describe-possession.ts');
  const { describeTime, judgeTime, withTime } = await import('../outside-time.ts');
  const { PROVED } = await import('../../core/trust/index.ts');
  const { describeWitnessed, weakest } = await import('../witnessed.ts');
  const parts = new Map<Digest, JudgedProvenance>();
  for (const { digest, answer } of answers) parts.set(digest, await judgeProvenance(context, client, digest, answer));
  const { judgedMaps, all } = await judgeMaps(context, client, maps, parts);
  const complete = all && judgedMaps.length === maps.length ? oldestOf(judgedMaps) : undefined;
  const { judged, matches, possessions } = mergeProvenance([...parts.values()]);
  for (const match of matches) {
    match.receipts.registration = await withTime(client, match.receipts.registration);
    match.time = await judgeTime(context, match.receipts.registration);
  }
  const contradicted = file === undefined ? [] : matches.filter((match) => contradicts(match, file));
  const checkpoints = [judged, ...judgedMaps.map(({ checkpoint }) => checkpoint)];
  requireOneLog(checkpoints);
  const { verdict, witnessed } = weakest(checkpoints);
  // A stranger's false record beside an honest one must not spoil it.
  const onlyFalse = contradicted.length > 0 && contradicted.length === matches.length;
  if (verdict !== PROVED || onlyFalse) context.refuse();
  const witnesses = describeWitnessed(witnessed);
  const { origin, size, note } = judged;
  context.print(
    {
      verdict,
      witnessed,
      digest: answers[0]!.digest,
      ...(file === undefined ? {} : { file }),
      log: { origin, treeSize: size, checkpoint: note },
      complete:
        complete === undefined ? null : { asOf: complete.asOf, statedAt: complete.statedAt, audit: complete.audit },
      contradicted: contradicted.map(({ registration }) => registration),
      matches,
      possessions,
    },
    () =>
      [
        ...matches.map((match) => `${describeMatch(match, describeTime)}\n`),
        ...possessions.map((possession) => `${describePossession(possession)}\n`),
        complete === undefined ? '' : describeComplete(complete),
        `verdict: ${describeVerdict({ origin, size, verdict }, 'The record')}\n`,
        witnesses === undefined ? '' : `witnesses: ${witnesses.replaceAll('\n', '\n           ')}\n`,
      ].join(''),
  );
  for (const { registration, index } of contradicted) {
    context.note(
      `${registration} (entry ${index}) names this very file, and other digests of its weights than it has: what its maker says of them is wrong.`,
    );
  }
  if (complete === undefined) {
    context.note(
      all
        ? 'The registry gave no proof that these are all records of the model; it may hide others.'
        : 'There are more records of the model than the registry shows.',
    );
  }
  const earlier = earlierUnderOtherNames(matches);
  if (earlier !== undefined) {
    context.note(
      `The same weights stand on record earlier under other tensor names: ${earlier.registration}, entry ${earlier.index}.`,
    );
  }
}

/** @returns also whether the look-up shows all that the maps name */
async function judgeMaps(
  context: Context,
  client: Client,
  maps: readonly AskedMap[],
  shown: ReadonlyMap<Digest, JudgedProvenance>,
): Promise<{ judgedMaps: JudgedMap[]; all: boolean }> {
  const { judgeMap, requireComplete } = await import('../judge-map.ts');
  const judgedMaps: JudgedMap[] = [];
  let all = true;
  for (const { digest, answer } of maps) {
    if (answer === undefined) continue;
    const map = await judgeMap(context, client, digest, answer);
    if (!requireComplete(map, shown.get(digest) ?? { matches: [], possessions: [] })) all = false;
    judgedMaps.push(map);
  }
  return { judgedMaps, all };
}

/** Whether a record of this very file says of its weights what the file shows to be false. */
const contradicts = ({ model: { weights } }: JudgedMatch, file: ModelReport): boolean =>
  weights.fileDigest === file.fileDigest &&
  file.weightDigest !== null &&
  weights.weightDigest !== null &&
  (weights.weightDigest !== file.weightDigest || weights.namelessDigest !== file.namelessDigest);

/**
 * The map names no roots of model signatures, so the file that one stands for is asked for in its place. What is not the
 * root of that file is refused with the answer.
 */
async function fileOfRoot(client: Client, digest: Digest): Promise<Digest> {
  const [answer] = await ask(client, [digest]);
  const match = answer?.answer.matches?.[0];
  if (match?.matched !== 'root') return digest;
  const { rootDigestOf } = await import('../../core/registry/model-signature.ts');
  const { sha256 } = await import('../../platform/crypto.ts');
  const { fileDigest } = match.model.weights;
  return rootDigestOf(sha256, [fileDigest]) === digest ? fileDigest : digest;
}

/** From what says most to what says least of how alike the models are. */
function digestsOf({ fileDigest, weightDigest, namelessDigest }: ModelReport): Digest[] {
  return [fileDigest, weightDigest, namelessDigest].filter((digest) => digest !== null);
}

/** @returns an answer for each digest that stands on record */
async function ask(client: Client, digests: readonly Digest[]): Promise<{ digest: Digest; answer: Provenance }[]> {
  const answers: { digest: Digest; answer: Provenance }[] = [];
  for (const digest of digests) {
    try {
      answers.push({ digest, answer: await client.get<Provenance>(`/v1/provenance/${digest}`) });
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === 'not_found')) throw error;
    }
  }
  return answers;
}

/** The first record that the tensors' names hide, where a record under the asked names came after it. */
function earlierUnderOtherNames(matches: readonly JudgedMatch[]): JudgedMatch | undefined {
  const [first] = matches;
  return first?.matched === 'nameless' && matches.some(({ matched }) => matched !== 'nameless') ? first : undefined;
}

/** What the answer proves of the owners, and what it cannot. */
function provenBy({ registration, transfers }: JudgedMatch): string {
  if (transfers === null) return `not here: muniment title abstract ${registration} proves the chain`;
  const last = transfers === 0 ? '' : ` and ${transfers} transfer${transfers === 1 ? '' : 's'} after it`;
  return `by the record${last}; that nothing passed on since is the registry's word`;
}

const HOW = {
  file: 'the very same file',
  weight: 'the same weights',
  nameless: 'the same weights under other tensor names',
  root: 'the root of a signature over the very same file',
};

const STANDS = {
  declared: '',
  confirmed: '  confirmed: the registry checked it',
  contradicted: '  CONTRADICTED: the registry checked it, and it is not true',
};

type DescribeTime = (time: JudgedTime | null) => string | undefined;

function describeMatch(match: JudgedMatch, describeTime: DescribeTime): string {
  const { model, run, datasets, index, recordedAt } = match;
  const last = run?.epochs.at(-1);
  return fields([
    ['model', model.name],
    ['found by', HOW[match.matched]],
    ['owners', match.owners.map(({ name, party, share }) => `${share}  ${name ?? '(erased)'}  ${party}`).join('\n')],
    ['owners proven', provenBy(match)],
    [
      'contributors',
      match.contributors.map(({ name, party, role }) => `${role}  ${name ?? '(erased)'}  ${party}`).join('\n') ||
        undefined,
    ],
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
    [
      'from models',
      model.parents
        .map(({ relation, digest }, i) => `${relation} ${digest}${STANDS[match.standings[i]!]}`)
        .join('\n') || undefined,
    ],
    ['weight digest', model.weights.weightDigest ?? undefined],
    ['record', `${match.registration}, entry ${index}${recordedAt === null ? '' : `, ${recordedAt}`}`],
    ['existed before', describeTime(match.time)],
    ['signed by', match.attestedBy === 'maker' ? `its maker ${match.maker}` : `the registry, for ${match.maker}`],
    ['note', match.precededBy === null ? undefined : `registered earlier by somebody else: ${match.precededBy}`],
  ]);
}
