/** `npm run docs:rules`: writes docs/rules.md from the rules, so that what people read and what is judged by are one. */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';
import { CURRENT_RULES, RULES } from '../src/core/licensing/rules/index.ts';
import type { Effect, Place, Rule, RuleFamily } from '../src/core/licensing/rules/rule.ts';
import { CHANGED, OUTPUTS, WEIGHTS } from '../src/core/licensing/rules/rule.ts';

const { families, unread } = RULES[CURRENT_RULES];

export const rulesPage = (): Promise<string> =>
  prettier.format(
    [
      '# What flows down to a model',
      '',
      '<!-- Written by `npm run docs:rules` from src/core/licensing/rules. Do not edit. -->',
      '',
      `Edition ${CURRENT_RULES}. Each rule says of which license it speaks, where that license stands in the lineage of a`,
      'model, what it does, and by which clause of the text under the heading. It is a reading of license texts and no legal',
      'advice. *Conservative* is what a careful reader has to reckon with, *permissive* what the text says for certain; both are',
      'always told. What no rule speaks of is UNKNOWN, and UNKNOWN never becomes OK.',
      '',
      '*Own* is the license of the model itself. *Weights* stands for `converted-from`, `quantized-from`, `pruned-from`,',
      '`fine-tuned-from` and `merged-from`, *changed weights* for these without `converted-from`, *outputs* for',
      '`trained-on-outputs-of` and `distilled-from`, *data* for `trained-on`. On a longer path the strongest of its relations',
      'counts: outputs before changed weights before `converted-from`; data stay data, and data that a model made stand as its',
      'outputs.',
      '',
      ...families.flatMap(familySection),
      '## No rules',
      '',
      'Whatever is under one of these is UNKNOWN.',
      '',
      '| license | why |',
      '|---|---|',
      ...unread.map(({ license, why }) => `| ${license} | ${why} |`),
    ].join('\n'),
    { parser: 'markdown' },
  );

function familySection({ title, licenses, source, validFrom, rules }: RuleFamily): string[] {
  return [
    `## ${title}`,
    '',
    `${licenses.map((license) => `\`${license}\``).join(', ')}${validFrom === null ? '' : `, since ${validFrom}`}: <${source}>`,
    '',
    '| rule | where | reading | what | clause |',
    '|---|---|---|---|---|',
    ...rules.map(row),
    '',
  ];
}

const row = ({ id, places, modes, effect, clause }: Rule): string =>
  `| ${[id, where(places), modes.length === 2 ? 'both' : modes[0]!, what(effect), clause].map(cell).join(' | ')} |`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

function where(places: readonly Place[]): string {
  const left = new Set(places);
  const words: string[] = [];
  const say = (word: string, group: readonly Place[]) => {
    if (!group.every((place) => left.has(place))) return;
    group.forEach((place) => left.delete(place));
    words.push(word);
  };
  say('own', ['own']);
  say('weights', WEIGHTS);
  say('changed weights', CHANGED);
  say('outputs', OUTPUTS);
  say('data', ['trained-on']);
  return [...words, ...left].join(', ');
}

function what(effect: Effect): string {
  if (effect.does === 'nothing') return 'nothing';
  if (effect.does === 'duty' || effect.does === 'restrict') return `${effect.duty} (${effect.on.join(', ')})`;
  if (effect.does === 'forbid') return `BLOCK: ${effect.actions.join(', ')}`;
  if (effect.does === 'forbid-commercial') return 'BLOCK: commercial use';
  if (effect.does === 'same-license') return `Only under ${effect.accepts.join(' or ')} (${effect.on.join(', ')})`;
  if (effect.does === 'conflict') return `CONFLICT with ${effect.with.join(', ')} (${effect.on.join(', ')})`;
  return `UNKNOWN: ${effect.why}`;
}

const file = (root: string): string => join(root, 'docs', 'rules.md');

/** @param root the repository */
export const pageOnDisk = (root: string): Promise<string> => readFile(file(root), 'utf8');

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await writeFile(file(process.cwd()), await rulesPage());
}
