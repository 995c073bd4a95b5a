/**
 * The abstract of title as a document for people who print: a lawyer, a judge. It is made from what was verified here, and
 * says how anybody can verify it again; it is no proof by itself.
 */
import type { AbstractLine } from '../core/title/abstract.ts';
import { createWriteStream } from 'node:fs';
import type { Part } from '../pdf/index.ts';
import type { NameOf } from './describe-title.ts';
import { changeText, DONE, interestText, quorumsText, sentenceOf } from './describe-title.ts';
import { inOneLine } from './table.ts';
import type { JudgedAbstract } from './title-abstract.ts';
import { describeWitnessed } from './witnessed.ts';

/** @throws RegistryError `unreachable` where the file cannot be written */
export async function writeAbstractPdf(judged: JudgedAbstract, name: NameOf, file: string): Promise<void> {
  const { asset, effective, known, name: model } = judged.abstract;
  const facts = {
    title: `Abstract of title of "${model}"`,
    foot: `${asset} · on ${effective} · ${known} entries`,
    created: new Date(`${effective}T00:00:00.000Z`),
  };
  const { writePdf } = await import('../pdf/index.ts');
  await writePdf(facts, abstractParts(judged, name), () => createWriteStream(file));
}

function abstractParts({ abstract, verdict, origin, witnessed }: JudgedAbstract, name: NameOf): Part[] {
  const { asset, name: title, effective, known, first, instruments, owners, interests, quorums } = abstract;
  const witnesses = describeWitnessed(witnessed);
  return [
    { kind: 'title', text: `Abstract of title of “${title}”` },
    {
      kind: 'fields',
      rows: [
        ['asset', asset],
        ['on', effective],
        ['as known with', `${known} entries of the log ${origin}`],
        ['verdict', verdict],
        ...(witnesses === undefined ? [] : [['witnesses', witnesses] as const]),
      ],
    },
    { kind: 'heading', text: 'Owners' },
    ...owners.flatMap(({ party, share, since, changed }): Part[] => [
      { kind: 'lead', text: `${share}   ${name(party)}` },
      {
        kind: 'fields',
        rows: [
          ['since', changeText(since)],
          ...(changed.index === since.index ? [] : [['as it is since', changeText(changed)] as const]),
        ],
      },
    ]),
    ...(owners.length === 0 ? [{ kind: 'text', text: 'Nobody on this day.' } as const] : []),
    ...listed(
      'Rests on it',
      interests.map((interest) => interestText(interest, name)),
    ),
    ...listed('Agreed by the owners', quorums === null ? [] : [quorumsText(quorums)]),
    { kind: 'heading', text: 'The chain, from the first record on' },
    { kind: 'lead', text: `Entry ${first.recordedIndex}: put on record by ${name(first.maker)}` },
    {
      kind: 'fields',
      rows: [
        ['on', first.existsFrom],
        ['owners', first.owners.map(({ party, share }) => `${share}   ${name(party)}`).join('\n')],
        ['statement', first.statement],
      ],
    },
    ...instruments.flatMap((line) => instrumentParts(line, name)),
    { kind: 'heading', text: 'How to verify this' },
    {
      kind: 'text',
      text: 'Each statement was verified before this document was written: its signature, its place in the log, the signature of the log, and that it follows from the statements before it by the rules of the registry. This document is an extract and proves nothing by itself. The file with all proofs is had with the first command and judged anywhere, without a network, with the second.',
    },
    {
      kind: 'fields',
      rows: [
        ['with all proofs', `muniment title abstract ${asset} -o abstract.json`],
        ['verify', 'muniment title verify abstract.json --trust trust.json'],
      ],
    },
  ];
}

const listed = (heading: string, texts: readonly string[]): Part[] =>
  texts.length === 0
    ? []
    : [{ kind: 'heading', text: heading }, ...texts.map((text): Part => ({ kind: 'text', text }))];

function instrumentParts(line: AbstractLine, name: NameOf): Part[] {
  const { id, state, statement, recordedIndex, inForceIndex, executedOn, effectiveFrom, jurisdiction } = line;
  return [
    { kind: 'lead', text: `Entry ${recordedIndex}: ${sentenceOf(line, name)}` },
    {
      kind: 'fields',
      rows: [
        ['instrument', `${id}, ${state}`],
        ['counts from', `${effectiveFrom}, in force since entry ${inForceIndex}`],
        ...(executedOn === null ? [] : [['signed on', executedOn] as const]),
        ...(jurisdiction === null ? [] : [['law of', jurisdiction] as const]),
        ...(line.documentDigest === null ? [] : [['document', line.documentDigest] as const]),
        ['statement', statement],
        ...line.acts.map(
          (act) =>
            [
              `entry ${act.recordedIndex}`,
              `${DONE[act.act]} by ${name(act.maker)}${act.reason === null ? '' : `: ${inOneLine(act.reason)}`}\n${act.statement}`,
            ] as const,
        ),
      ],
    },
    ...line.gaps.map((gap): Part => ({ kind: 'warning', text: `Open: ${gap}.` })),
  ];
}
