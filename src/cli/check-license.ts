/** What flows down to a model, asked for an intended use, for people. */
import type { Finding } from '../core/licensing/judgement.ts';
import type { Context } from './context.ts';
import { findAnyModel } from './find-model.ts';
import { actionOf } from './parse.ts';
import { fields, inOneLine } from './table.ts';
import type { ObligationsView } from './views.ts';

export interface CheckFacts {
  action?: string[];
  commercial?: boolean;
  on?: string;
  edition?: string;
}

export async function checkLicense(context: Context, model: string, facts: CheckFacts): Promise<ObligationsView> {
  const query = new URLSearchParams({ commercial: String(facts.commercial === true) });
  for (const action of facts.action ?? []) query.append('action', actionOf(action));
  if (facts.on !== undefined) query.set('on', facts.on);
  if (facts.edition !== undefined) query.set('edition', facts.edition);
  const id = await findAnyModel(context, model);
  const client = await context.client();
  return client.get<ObligationsView>(`/v1/models/${encodeURIComponent(id)}/obligations?${query.toString()}`);
}

export function describeObligations({
  model,
  use,
  on,
  edition,
  nodes,
  contradicted,
  ...judged
}: ObligationsView): string {
  const names = new Map(nodes.map(({ id, name }) => [id, name === null ? id : `${inOneLine(name)} (${id})`]));
  const name = (id: string): string => names.get(id) ?? id;
  return [
    fields([
      ['model', name(model)],
      ['to', `${use.actions.join(', ')}, ${use.commercial ? 'commercially' : 'not commercially'}, on ${on}`],
      ['came from', `${nodes.length - 1} models and datasets on record or named`],
      ['rules', `edition ${edition}`],
      [
        'contradicted',
        contradicted
          .map(({ child, relation, parent }) => `${name(child)} is not ${relation} ${name(parent)}`)
          .join('\n') || undefined,
      ],
    ]),
    ...(['conservative', 'permissive'] as const).map((mode) => {
      const { verdict, permissions, obstacles, duties, choices } = judged[mode];
      return [
        `\n${mode}: ${verdict}\n`,
        `  permitted: ${permissions.actions.join(', ') || 'nothing'}${permissions.commercial ? '' : ', not commercially'}\n`,
        ...obstacles.map((finding) => findingText(finding, name)),
        ...duties.map((finding) => findingText(finding, name)),
        ...choices.map(
          ({ node, expression, taken }) => `  of "${expression}" of ${name(node)} is taken: ${taken.join(', ')}\n`,
        ),
      ].join('');
    }),
  ].join('');
}

function findingText(finding: Finding, name: (id: string) => string): string {
  const { verdict, does, text, license, clause, source, wayOut, from } = finding;
  const [nearest, ...others] = from;
  const whence = `${name(nearest!)}${others.length === 0 ? '' : ` and ${others.length} more`}`;
  return [
    `  ${does === 'duty' ? 'duty' : verdict}: ${inOneLine(text)}\n`,
    `    ${license} of ${whence}${clause === null ? '' : `, ${clause}`}${source === null ? '' : ` (${source})`}\n`,
    wayOut === null ? '' : `    way out: ${inOneLine(wayOut)}\n`,
  ].join('');
}
