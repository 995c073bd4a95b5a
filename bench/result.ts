/** What a benchmark tells: our figure beside the peer's from the same run, as a table and as one line of JSON. */
import { cpus, totalmem } from 'node:os';

export interface BenchResult {
  readonly bench: string;
  /** Ours; higher is better. */
  readonly value: number;
  readonly unit: string;
  readonly peer: string;
  readonly peerValue: number;
  /** Ours divided by the peer's. */
  readonly ratio: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly rssMiB?: number;
  /** Other figures of the same run, by name and unit. */
  readonly more?: Readonly<Record<string, number>>;
}

export interface Round {
  readonly ours: number;
  readonly peer: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Of one figure of each round. */
export const medianOf = <T>(rounds: readonly T[], figure: (round: T) => number): number => median(rounds.map(figure));

/** The ratio is the median over the rounds: what slows the machine slows both sides of a round. */
export const ratioOf = (rounds: readonly Round[]): number => median(rounds.map(({ ours, peer }) => ours / peer));

export function print(result: BenchResult): void {
  const { bench, unit, peer } = result;
  const rows: [string, string][] = [
    [`muniment (${unit})`, figure(result.value)],
    [`${peer} (${unit})`, figure(result.peerValue)],
    ['ratio', result.ratio.toFixed(3)],
  ];
  if (result.p50Ms !== undefined) rows.push(['p50 (ms)', figure(result.p50Ms)]);
  if (result.p99Ms !== undefined) rows.push(['p99 (ms)', figure(result.p99Ms)]);
  if (result.rssMiB !== undefined) rows.push(['memory (MiB)', figure(result.rssMiB)]);
  for (const [name, value] of Object.entries(result.more ?? {})) rows.push([name, figure(value)]);
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log(`\n${bench}`);
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}  ${value.padStart(12)}`);
  console.log(JSON.stringify({ ...result, machine: machine() }));
}

const figure = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: value < 100 ? 2 : 0 });

const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
