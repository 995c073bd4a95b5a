/** Training without its job queue: datasets, hyperparameters, backends, the trainer. Loads TensorFlow.js only when used. */
export { answerWith } from './answer.ts';
export * from './backends/index.ts';
export { PREPROCESSING } from './batches.ts';
export type { Score } from './evaluation.ts';
export { ARCHITECTURES, hyperparametersSchema, OPTIMIZERS, parseHyperparameters } from './hyperparameters.ts';
export type { Hyperparameters } from './hyperparameters.ts';
export { describeIdxFolder, readIdxFolder, verifyDataset } from './idx.ts';
export type { DatasetDescription, DatasetFile, FileDigests, ImageDataset, ImageSet } from './idx.ts';
export { MNIST_DIGESTS, mnistFolder, readMnist } from './mnist.ts';
export type { ComputeUsed, Progress } from './progress.ts';
export { replay, requireFromSeed } from './replay.ts';
export { codeDigest } from './worker/code-digest.ts';
export type { Replay, ReplayedEpoch } from './replay.ts';
export { train } from './trainer.ts';
export type { Checkpoint, EpochMetrics, EpochResult, TrainingResult, TrainOptions } from './trainer.ts';
