/**
 * `muniment lookup PATH|DIGEST`: hashes the file here, asks the registry for the digest alone, and verifies the proof
 * before it prints anything.
 */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Digest } from '../../core/digest.ts';
import type { Client } from '../client.ts';
import type { Context } from '../context.ts';
import type { ModelReport } from '../hash-model.ts';
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
      const { digest, answer } = await ask(client, typed === undefined ? digestsOf(file!) : [typed]);
      const { judgeProvenance } = await import('../judge-provenance.ts');
      const { PROVED } = await import('../../core/trust/index.ts');
      const found = await judgeProvenance(context, client, digest, answer);
      const { judged, matches } = found;
      if (judged.verdict !== PROVED) context.refuse();
      const { origin, size } = judged;
      context.print(
        {
          verdict: judged.verdict,
          digest,
          ...(file === undefined ? {} : { file }),
          log: { origin, treeSize: size, checkpoint: judged.note },
          matches,
        },
        () => describe(found, file, judged.verdict === PROVED),
      );
    });
}

/** The digest that survives a change of container comes first: it finds every record of the same weights. */
function digestsOf({ weightDigest, fileDigest, namelessDigest }: ModelReport): Digest[] {
  return [weightDigest, fileDigest, namelessDigest].filter((digest) => digest !== null);
}

async function ask(client: Client, digests: readonly Digest[]): Promise<{ digest: Digest; answer: Provenance }> {
  for (const digest of digests) {
    try {
      return { digest, answer: await client.get<Provenance>(`/v1/provenance/${digest}`) };
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === 'not_found')) throw error;
    }
  }
  throw new RegistryError('not_found', `Nothing is on record about ${digests.join(' or ')}.`, {
    fix: 'If the model is yours, put it on record with "muniment register".',
  });
}

const HOW = {
  file: 'the very same file',
  weight: 'the same weights',
  nameless: 'the same weights under other tensor names',
};

function describe({ judged, matches }: JudgedProvenance, file: ModelReport | undefined, proved: boolean): string {
  const { origin, size } = judged;
  const verdict = proved
    ? `verdict: proved. The record stands in the log ${origin} (${size} entries), whose key you pinned.`
    : `verdict: consistent, origin unproven. Everything fits together, but you have pinned no key of ${origin}:\n` +
      'get its key from a source you trust, then "muniment trust add KEY" ("muniment trust pin" believes the server itself).';
  return `${matches.map((match) => describeMatch(match, file)).join('\n')}\n${verdict}\n`;
}

function describeMatch(match: JudgedMatch, file: ModelReport | undefined): string {
  const { model, run, datasets, index, recordedAt } = match;
  const how = file?.fileDigest === model.weights.fileDigest ? 'file' : match.matched;
  const last = run?.epochs.at(-1);
  return fields([
    ['model', model.name],
    ['found by', HOW[how]],
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
        .map(({ name, license, holder }) => `${name}, ${license.expression} (${license.status}), ${holder.name}`)
        .join('\n') || undefined,
    ],
    ['from models', model.parents.map(({ relation, digest }) => `${relation} ${digest}`).join('\n') || undefined],
    ['weight digest', model.weights.weightDigest ?? undefined],
    ['record', `${match.registration}, entry ${index}${recordedAt === null ? '' : `, ${recordedAt}`}`],
    ['signed by', match.attestedBy === 'maker' ? `its maker ${match.maker}` : `the registry, for ${match.maker}`],
    ['note', match.precededBy === null ? undefined : `registered earlier by somebody else: ${match.precededBy}`],
  ]);
}
