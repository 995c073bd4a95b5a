/**
 * Muniment's side of the training benchmark, a process of its own as the worker is: `train-runner BACKEND THREADS`. For
 * each line `EPOCHS` on standard input it trains the reference recipe afresh and answers one JSON line.
 */
import { createInterface } from 'node:readline';
import { chooseBackend } from '../src/training/backends/index.ts';
import type { BackendName } from '../src/training/backends/index.ts';
import { parseHyperparameters } from '../src/training/hyperparameters.ts';
import { readMnist } from '../src/training/mnist.ts';
import { train } from '../src/training/trainer.ts';

const [name, threads] = process.argv.slice(2);
const backend = await chooseBackend(name as BackendName, { threads: Number(threads) });
const dataset = await readMnist();
const { device, driver = '', variant = '' } = backend.info;
console.log(JSON.stringify({ ready: `${name} ${driver}${variant}, ${threads} threads, ${device}` }));
for await (const line of createInterface({ input: process.stdin })) {
  const hyperparameters = parseHyperparameters({ epochs: Number(line) });
  const { epochs, imagesPerSecond } = await train({ hyperparameters, dataset, backend });
  const rssMiB = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ imagesPerSecond, testAccuracy: epochs.at(-1)?.testAccuracy, rssMiB }));
}
backend.dispose();
