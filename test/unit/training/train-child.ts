/** Trains what its one argument asks for and prints the answer as JSON: see `trainInChild`. */
import { chooseBackend } from '../../../src/training/backends/index.ts';
import { parseHyperparameters } from '../../../src/training/hyperparameters.ts';
import { readIdxFolder } from '../../../src/training/idx.ts';
import { train } from '../../../src/training/trainer.ts';
import type { BackendName } from '../../../src/training/backends/index.ts';
import { hashTensors } from './fixture.ts';
import type { ChildAnswer, ChildRequest } from './fixture.ts';

const { folder, backend: name, threads = 0, hyperparameters } = JSON.parse(process.argv[2] ?? '') as ChildRequest;
const backend = await chooseBackend(name as BackendName | 'auto', { threads });
const epochs: ChildAnswer['epochs'] = [];
const { tensors } = await train({
  hyperparameters: parseHyperparameters(hyperparameters),
  dataset: await readIdxFolder(folder),
  backend,
  onEpoch: ({ epoch, loss, testAccuracy, tensors }) => {
    epochs.push({ epoch, loss, testAccuracy, digest: hashTensors(tensors) });
  },
});
const answer: ChildAnswer = {
  info: backend.info,
  skipped: [...backend.skipped],
  epochs,
  tensors: tensors.map(({ name, shape, data }) => ({
    name,
    shape: [...shape],
    data: Buffer.from(data).toString('base64'),
  })),
};
backend.dispose();
process.stdout.write(JSON.stringify(answer));
