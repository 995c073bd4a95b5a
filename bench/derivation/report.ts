/** What was measured: on the terminal, as lines of JSON, and as the tables of docs/derivation.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';
import { STILL_WORKS } from './measure.ts';
import type { Measurement, Row, Specificity, Summary } from './measure.ts';

const PAGE = fileURLToPath(new URL('../../../docs/derivation.md', import.meta.url));
/** What stands between these lines is written here. */
const BEGIN = '<!-- Written by `npm run bench derivation`. -->';
const END = '<!-- To here. -->';

export async function report(measurement: Measurement, series: number): Promise<void> {
  const text = await tables(measurement, series);
  console.log(text);
  for (const [kind, all] of Object.entries(measurement)) {
    for (const one of all as object[]) console.log(JSON.stringify({ bench: 'derivation', series, kind, ...one }));
  }
  const page = await readFile(PAGE, 'utf8');
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`${PAGE} has no place for the tables.`);
  await writeFile(PAGE, `${page.slice(0, before)}${BEGIN}\n\n${text}\n${page.slice(after)}`);
}

const tables = ({ rows, summaries, specificity, misses }: Measurement, series: number): Promise<string> =>
  prettier.format(
    [
      `Series ${series} of seeds.`,
      '',
      '| architecture | bases | working copies | recall@1 | recall@5 | @1 of the search | @5 of the search | found | bases with all found | of such bases, at least |',
      '|---|---|---|---|---|---|---|---|---|---|',
      ...summaries.map(summaryRow),
      '',
      '| architecture | unrelated pairs | highest evidence, the threshold | false positives, at most | pairs that share initialization | of them above |',
      '|---|---|---|---|---|---|',
      ...specificity.map(specificityRow),
      '',
      ...specificity.flatMap(({ architecture }) => [
        `### ${architecture.toUpperCase()}`,
        '',
        '| derivation | copies | accuracy kept | working | recall@1 | recall@5 | @5 of the search | found | at least | lowest evidence |',
        '|---|---|---|---|---|---|---|---|---|---|',
        ...rows.filter((row) => row.architecture === architecture).map(derivationRow),
        '',
      ]),
      '### Missed',
      '',
      misses.length === 0
        ? `No copy that keeps ${percent(STILL_WORKS)} of its accuracy was missed.`
        : `Copies that keep ${percent(STILL_WORKS)} of their accuracy and were not found, or not ranked among the first five:`,
      '',
      ...(misses.length === 0
        ? []
        : [
            '| derivation | base | accuracy kept | rank | rank in the search | evidence | threshold |',
            '|---|---|---|---|---|---|---|',
          ]),
      ...misses.map(({ derivation, base, accuracyKept, rank, searchRank, evidence, threshold }) =>
        line([
          derivation,
          base,
          percent(accuracyKept),
          String(rank),
          Number.isFinite(searchRank) ? String(searchRank) : '–',
          score(evidence),
          score(threshold),
        ]),
      ),
    ].join('\n'),
    { parser: 'markdown', printWidth: 120 },
  );

const summaryRow = (one: Summary): string =>
  line([
    one.architecture.toUpperCase(),
    one.bases,
    String(one.working),
    percent(one.recall1),
    percent(one.recall5),
    percent(one.searchRecall1),
    percent(one.searchRecall5),
    percent(one.found),
    `${one.wholeBases} of ${one.ofBases}`,
    percent(one.wholeBasesAtLeast),
  ]);

const specificityRow = (one: Specificity): string =>
  line([
    one.architecture.toUpperCase(),
    one.unrelatedPairs.toLocaleString('en-US'),
    `${score(one.threshold)} (${one.closest})`,
    `${(100 * one.falsePositivesAtMost).toPrecision(2)} %`,
    String(one.initializationPairs),
    String(one.initializationAbove),
  ]);

const derivationRow = (row: Row): string =>
  line([
    row.derivation,
    row.diverged === 0 ? String(row.models) : `${row.models} and ${row.diverged} that diverged`,
    percent(row.accuracyKept),
    String(row.working),
    ...(row.working === 0
      ? ['–', '–', '–', '–', '–', '–']
      : [
          percent(row.recall1),
          percent(row.recall5),
          percent(row.searchRecall5),
          percent(row.found),
          percent(row.foundAtLeast),
          score(row.lowestEvidence),
        ]),
  ]);

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
/** Never rounded up to 100 %. */
const percent = (share: number): string => `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
const score = (value: number): string => value.toFixed(3);
