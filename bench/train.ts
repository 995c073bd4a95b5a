/**
 * Training the reference recipe, images a second: `wasm`, and `native` where it loads, beside PyTorch on the processor.
 * Same files, batch and number of threads; three processes take turns, so what slows the machine slows all of them.
 *
 * PyTorch lives outside the repository: `MUNIMENT_BENCH_PYTHON` names a Python that has torch and numpy. On cores that
 * are busy otherwise, threads wait for each other and the figures say nothing: `MUNIMENT_THREADS=1` still compares then.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { mnistFolder } from '../src/training/mnist.ts';
import type { BenchResult } from './result.ts';
import { median, ratioOf } from './result.ts';

const ROUNDS = 7;
const EPOCHS = 2;
/** What both sides must have learned for their speed to mean anything. */
const LEAST_ACCURACY = 0.88;

export async function run(): Promise<BenchResult[]> {
  const threads = Math.min(8, Number(process.env['MUNIMENT_THREADS']) || availableParallelism());
  const runner = fileURLToPath(new URL('train-runner.js', import.meta.url));
  const ours = (backend: string) => startTrainee(process.execPath, [runner, backend, String(threads)]);
  const trainees: Trainee[] = [];
  try {
    const peer = await startPeer(threads);
    trainees.push(peer, await ours('wasm'));
    const native = await ours('native').catch((error: unknown) => {
      console.log(`  not measured: ${(error as Error).message}`);
    });
    if (native) trainees.push(native);

    for (const trainee of trainees) console.log(`  ${trainee.description}`);
    for (const trainee of trainees) await trainee.round();
    const rounds: Round[][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const figures: Round[] = [];
      for (const trainee of trainees) figures.push(await trainee.round());
      rounds.push(figures);
    }
    const speeds = (index: number) => rounds.map((figures) => figures[index]!.imagesPerSecond);
    return trainees.slice(1).map((_, i) => ({
      bench: i === 0 ? 'train wasm' : 'train native',
      value: median(speeds(i + 1)),
      unit: 'images/s',
      peer: peer.description,
      peerValue: median(speeds(0)),
      ratio: ratioOf(
        rounds.map((figures) => ({ ours: figures[i + 1]!.imagesPerSecond, peer: figures[0]!.imagesPerSecond })),
      ),
      rssMiB: Math.max(...rounds.map((figures) => figures[i + 1]!.rssMiB)),
    }));
  } finally {
    for (const trainee of trainees) trainee.stop();
  }
}

interface Round {
  imagesPerSecond: number;
  testAccuracy: number;
  rssMiB: number;
}

interface Trainee {
  readonly description: string;
  /** Trains once, from the beginning. */
  round(): Promise<Round>;
  stop(): void;
}

async function startPeer(threads: number): Promise<Trainee> {
  const script = fileURLToPath(new URL('../../bench/peers/train-pytorch.py', import.meta.url));
  const python = process.env['MUNIMENT_BENCH_PYTHON'] ?? 'python3';
  try {
    return await startTrainee(python, [script, mnistFolder(), String(threads)]);
  } catch (cause) {
    const message = `${python} cannot run PyTorch; make a venv, "pip install torch numpy", name it in MUNIMENT_BENCH_PYTHON.`;
    throw new Error(message, { cause });
  }
}

/** A process that answers each line on its standard input with one line of JSON, after a first one about itself. */
async function startTrainee(command: string, args: string[]): Promise<Trainee> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => {
    complaint = (complaint + text.toString()).slice(-2000);
  });
  // A broken pipe shows as the end of the answers.
  child.stdin.on('error', (error) => (complaint += error.message));
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      reject(new Error(`"${[command, ...args].join(' ')}" ended with ${code}: ${lastLine(complaint)}`)),
    );
  });
  // Ends are reported to whoever waits for an answer; nobody may be waiting.
  ended.catch(() => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T> => {
    const next = await Promise.race([lines.next(), ended]);
    return next.done === true ? ended : (JSON.parse(next.value) as T);
  };
  const { ready } = await answer<{ ready: string }>();
  return {
    description: ready,
    round: async () => {
      child.stdin.write(`${EPOCHS}\n`);
      const round = await answer<Round>();
      if (round.testAccuracy >= LEAST_ACCURACY) return round;
      throw new Error(`${ready} reached only ${round.testAccuracy} on the test images.`);
    },
    stop: () => void child.kill('SIGTERM'),
  };
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split('\n')
      .findLast((line) => /error|cannot/i.test(line))
      ?.trim() ?? 'no reason given'
  );
}
