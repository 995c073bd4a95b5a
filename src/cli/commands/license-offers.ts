/** `muniment license templates`, `offer`, `offers`, `check`, `lineage`, `bundle`, `show` and `withdraw`: what licenses offer and allow. */
import type { Command } from 'commander';
import { LICENSE_TEMPLATES } from '../../core/licensing/license-templates.ts';
import type { Context } from '../context.ts';
import type { BundleFacts } from '../bundle-release.ts';
import type { CheckFacts } from '../check-license.ts';
import type { OfferedFacts } from '../license-offers.ts';
import { dayOf, limitOf } from '../parse.ts';
import { columns, fields, inOneLine } from '../table.ts';
import type { LicenseView } from '../views.ts';

export function defineLicenseOffers(license: Command, context: Context): void {
  license
    .command('templates')
    .description('Show licenses for the common cases, ready to be filled in.')
    .addHelpText('after', '\nExample:\n  $ muniment license templates')
    .action(() =>
      context.print(LICENSE_TEMPLATES, () =>
        columns(
          ['template', 'license', 'when to use it'],
          LICENSE_TEMPLATES.map(({ id, expression, use }) => [id, expression, use]),
        ),
      ),
    );

  license
    .command('offer')
    .description(
      'Offer a license on a model or dataset of which you own a share. It never changes; another replaces it.',
    )
    .argument('<asset>', 'the model, by the id of its registration, a digest, or its file; or a dataset, by its id')
    .option('--template <template>', 'start from one that "muniment license templates" shows')
    .option('--terms <file>', 'the structured terms, YAML or JSON')
    .option('--expression <spdx>', 'the SPDX expression, or LicenseRef-<name> with --text')
    .option('--text <file>', 'the license text; its digest goes on record')
    .option('--text-out <file>', 'keep the text that is written from the terms of a template')
    .option('--name <text>', 'by which people speak of it')
    .option('--replaces <license>', 'the earlier version, which serves no new grant from then on')
    .option('--despite <reason>', 'why you may offer what the license of an ancestor blocks; it goes on record')
    .option('--action <action...>', 'infer, fine-tune, distill, redistribute, host')
    .option('--commercial', 'also for commercial use')
    .option('--no-commercial', 'not for commercial use')
    .option('--territory <country...>', 'two-letter country codes')
    .option('--field-of-use <text>', 'for this purpose only')
    .option('--days <n|unlimited>', 'how long a grant lasts at most', limitOf)
    .option('--seats <n|unlimited>', 'holders at one time', limitOf)
    .option('--max-calls <n|unlimited>', 'uses under one grant', limitOf)
    .option('--attribution <text>', 'the notice to be shown where it is used')
    .option('--share-alike', 'what is made from it and passed on must be under the same license')
    .option('--sublicensing', 'a licensee may give licenses within its own')
    .option('--restrict <text...>', 'what it must not be used for')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment license offer model.safetensors --template per-call --max-calls 50000 --text-out LICENSE.txt',
    )
    .action(async (asset: string, facts: OfferedFacts) => {
      const { offerLicense } = await import('../license-offers.ts');
      const { body, text, receipt } = await offerLicense(context, asset, facts);
      context.print({ id: receipt.id, ...body, text, receipt }, () =>
        fields([
          ['license', receipt.id],
          ['on', body.asset],
          ['name', `${body.name} (${body.expression})`],
          ['text', body.textDigest ?? undefined],
          ['replaces', body.replaces ?? undefined],
          ['on record', `entry ${receipt.index}`],
        ]),
      );
    });

  license
    .command('offers')
    .description('Show the licenses that are offered on a model or dataset.')
    .argument('<asset>', 'by the id of its registration, a digest, or its file; a dataset by its id')
    .option('--all', 'also those that were replaced or withdrawn')
    .addHelpText('after', '\nExample:\n  $ muniment license offers model.safetensors')
    .action(async (asset: string, { all = false }: { all?: boolean }) => {
      const { licensesOn } = await import('../license-offers.ts');
      const found = (await licensesOn(context, asset)).filter(({ state }) => all || state === 'offered');
      context.print(found, () =>
        columns(
          ['license', 'version', 'state', 'may', 'name'],
          found.map(({ id, version, state, terms, name, expression }) => [
            id,
            String(version),
            state,
            terms.actions.join(', '),
            `${name} (${expression})`,
          ]),
        ),
      );
    });

  license
    .command('check')
    .description('Tell what may be done with a model, and what must be done for it, from all that it came from.')
    .argument('<model>', 'by the id of its registration, a digest, or its file')
    .option('--action <action...>', 'what is to be done: infer, fine-tune, distill, redistribute, host; all by default')
    .option('--commercial', 'commercially')
    .option('--on <day>', 'on this day; today where none is given', dayOf)
    .option('--edition <edition>', 'of the rules; the current one where none is given')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment license check model.safetensors --action host --commercial\n' +
        'Ends with exit code 1 unless the careful reading allows it. The rules are in docs/rules.md; this is no legal advice.',
    )
    .action(async (model: string, facts: CheckFacts) => {
      const { checkLicense, describeObligations } = await import('../check-license.ts');
      const found = await checkLicense(context, model, facts);
      if (found.conservative.verdict !== 'OK') context.refuse();
      context.print(found, () => describeObligations(found));
    });

  license
    .command('lineage')
    .description('Show what a model came from, and under which licenses; or what came from it.')
    .argument('<model>', 'by the id of its registration, a digest, or its file')
    .option('--descendants', 'the models that came from it')
    .addHelpText('after', '\nExample:\n  $ muniment license lineage model.safetensors --descendants')
    .action(async (model: string, { descendants = false }: { descendants?: boolean }) => {
      const { describeLineage, findLineage } = await import('../show-lineage.ts');
      const found = await findLineage(context, model, descendants ? 'descendants' : 'ancestors');
      context.print(found, () => describeLineage(found));
    });

  license
    .command('bundle')
    .description(
      'Write the texts that go with a model when it is released: license, notices, attributions, restrictions.',
    )
    .argument('<model>', 'by the id of its registration, a digest, or its file')
    .requiredOption('--out <folder>', 'an empty folder, or one that is not there yet')
    .option('--text <id=file...>', 'the text of a license outside the SPDX list; its digest must be the one on record')
    .option('--notice <ancestor=file...>', 'the notices that came with a model or dataset, by its id')
    .option('--attribution <ancestor=text...>', 'how a model or dataset is attributed, instead of what is on record')
    .option('--changes <file>', 'what was changed of the models that it came from')
    .option('--done <rule...>', 'duties that no text fulfills and that you did, by their rules')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment license bundle model.safetensors --out release --notice registration_0123…=NOTICE\n' +
        'Ends with exit code 1, and tells what is missing, unless the release is fit. This is no legal advice.',
    )
    .action(async (model: string, facts: BundleFacts) => {
      const { bundleRelease, describeRelease } = await import('../bundle-release.ts');
      const release = await bundleRelease(context, model, facts);
      if (!release.fit) context.refuse();
      context.print(release, () => describeRelease(release, facts.out));
    });

  license
    .command('show')
    .description('Show a license: its terms, and its text where that is written from them.')
    .argument('<license>', 'its id')
    .addHelpText('after', '\nExample:\n  $ muniment license show license_0123…')
    .action(async (id: string) => {
      const { findLicense, textOf } = await import('../license-offers.ts');
      const found = await findLicense(context, id);
      const text = textOf(found);
      context.print({ ...found, text }, () => `${described(found)}${text === null ? '' : `\n${text}`}`);
    });

  license
    .command('withdraw')
    .description('End an offer: of a license, under which grants stay what they are, or of a grant not accepted yet.')
    .argument('<offer>', 'the id of the license or grant')
    .option('--reason <text>', 'why; it goes on record', '')
    .addHelpText('after', '\nExample:\n  $ muniment license withdraw license_0123… --reason "not sold any more"')
    .action(async (id: string, { reason }: { reason: string }) => {
      const receipt = id.startsWith('grant_')
        ? await (await import('../grants.ts')).actOnGrant(context, id, 'withdraw', { reason })
        : await (await import('../license-offers.ts')).withdrawLicense(context, id, reason);
      context.print(receipt, () => `${id} is offered no more, on record as entry ${receipt.index}.\n`);
    });
}

const described = ({
  id,
  asset,
  licensor,
  name,
  expression,
  version,
  state,
  textDigest,
  terms,
  despite,
}: LicenseView): string =>
  fields([
    ['license', `${id}, version ${version}, ${state}`],
    ['on', asset],
    ['by', licensor],
    ['name', `${name} (${expression})`],
    ['text', textDigest ?? undefined],
    ['despite a block', despite === undefined ? undefined : inOneLine(despite)],
    ['may', terms.actions.join(', ')],
    ['commercial', terms.commercial ? 'yes' : 'no'],
    ['where', terms.territory?.join(', ')],
    ['purpose', terms.fieldOfUse ?? undefined],
    ['a grant lasts', terms.termDays === null ? undefined : `${terms.termDays} days at most`],
    ['seats', terms.seats ?? undefined],
    ['uses', terms.maxCalls ?? undefined],
    ['notice', terms.attribution ?? undefined],
    ['share alike', terms.shareAlike ? 'yes' : undefined],
    ['sublicensing', terms.sublicensing ? 'yes' : 'no'],
    ['not for', terms.useRestrictions.join('\n') || undefined],
  ]);
