/** `muniment title claim`, `claims`, `claim-withdraw` and `claim-acknowledge`: what somebody claims against a title. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { columns, fields } from '../table.ts';
import type { ClaimAct, ClaimFacts } from '../title-claims.ts';
import { ASSET } from './title-offers.ts';

export function defineTitleClaims(title: Command, context: Context): void {
  title
    .command('claim')
    .description('Claim a share against the title on record. A claim moves nothing: it stands beside the title.')
    .argument('<asset>', ASSET)
    .requiredOption('--share <n/d>', 'what you claim of the whole, such as 1/2')
    .requiredOption('--ground <ground>', 'earlier-execution, employment, authorship, data-rights, contract or other')
    .requiredOption('--document <file>', 'the document that it rests on; its digest alone goes on record')
    .option('--executed <day>', 'when the document was signed')
    .option('--from <day>', 'from when you claim the share; today where none is given')
    .option('--jurisdiction <country>', 'two letters: whose law governs the document')
    .option('--rule <rule>', 'for an earlier execution, the rule that lets it be recorded late, such as us-patent')
    .option('--against <instrument>', 'the instrument that you contest; the first record where none is given')
    .option('--evidence <file...>', 'other files that you sealed and opened; the document needs not be named')
    .option('--timestamp <file...>', 'what timestamp authorities answered over the document, or ids of such records')
    .option('--note <text>', 'in your words; they stay on record for ever')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment title claim registration_0123… --share 1/1 --ground employment --document agreement.pdf \\\n      --executed 2025-03-01 --jurisdiction DE\n\nWhat you sealed of the document and opened ("muniment open") goes along as evidence.',
    )
    .action(async (asset: string, facts: ClaimFacts) => {
      const { fileClaim } = await import('../title-claims.ts');
      const { body, receipt } = await fileClaim(context, asset, facts);
      context.print({ id: receipt.id, ...body, receipt }, () =>
        fields([
          ['claim', receipt.id],
          ['asset', body.asset],
          ['share', body.share],
          ['ground', body.ground],
          ['evidence', body.evidence.map(({ sealed }) => sealed).join('\n') || 'none that was sealed'],
          ['timestamps', body.timestamps?.join('\n')],
          ['on record', `entry ${receipt.index}`],
        ]),
      );
    });

  title
    .command('claims')
    .description('Show what is claimed of a model or dataset, beside its title.')
    .argument('<asset>', ASSET)
    .addHelpText('after', '\nExample:\n  $ muniment title claims registration_0123…')
    .action(async (asset: string) => {
      const { listClaims } = await import('../title-claims.ts');
      const found = await listClaims(context, asset);
      context.print(found, () =>
        columns(
          ['claim', 'by', 'share', 'ground', 'state', 'entry', 'sealed before', 'stamped before'],
          found.map(({ id, claimant, share, ground, state, recordedIndex, evidence, timestamps }) => [
            id,
            claimant,
            share,
            ground,
            state,
            String(recordedIndex),
            evidence[0] === undefined ? 'nothing' : `entry ${evidence[0].sealedIndex} (${evidence[0].sealedAt})`,
            timestamps[0] === undefined ? 'nothing' : `${timestamps[0].time} by ${timestamps[0].authority}`,
          ]),
        ),
      );
    });

  for (const [act, description] of ACTS) {
    title
      .command(`claim-${act}`)
      .description(description)
      .argument('<claim>', 'its id, as "muniment title claims" shows it')
      .option('--reason <text>', 'why; it goes on record')
      .addHelpText('after', `\nExample:\n  $ muniment title claim-${act} adverseclaim_0123… --reason "we settled"`)
      .action(async (claim: string, { reason }: { reason?: string }) => {
        const { actOnClaim } = await import('../title-claims.ts');
        const receipt = await actOnClaim(context, claim, act, reason);
        context.print({ claim, act, receipt }, () =>
          fields([
            ['claim', claim],
            ['done', act],
            ['on record', `entry ${receipt.index}`],
          ]),
        );
      });
  }
}

const ACTS: readonly (readonly [act: ClaimAct, description: string])[] = [
  ['withdraw', 'Withdraw a claim of yours.'],
  ['acknowledge', 'As an owner, say that a claim is right. It moves nothing: to give way, offer an assignment.'],
];
