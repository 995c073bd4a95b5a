/**
 * What the zoo is made of: bases, for each base a hard negative, and strangers; all of them are registered, so to speak,
 * and searched. Outsiders are trained likewise but not registered: a search for them must find nothing, and their weights
 * are mixed into derived models.
 *
 * A hard negative has everything in common with its base but one thing: the initial weights, the order of the batches, or
 * one hyperparameter. Only the first is unrelated to the base in its weights; the others share its initialization.
 */
import { parseHyperparameters } from '../../src/training/hyperparameters.ts';
import type { Hyperparameters } from '../../src/training/hyperparameters.ts';

export type Role = 'base' | 'hard negative' | 'stranger' | 'outsider';

export interface Member {
  name: string;
  role: Role;
  /** Of a hard negative: its base, and the one thing that differs. */
  of?: string;
  differs?: string;
  /** Draws the initial weights; `hyperparameters.seed` draws the order of the batches. */
  initSeed: number;
  /** Training images, the first and the one behind the last. */
  images: readonly [number, number];
  hyperparameters: Hyperparameters;
}

type Architecture = Hyperparameters['arch'];
type Setting = Partial<Hyperparameters>;

const HIDDEN: Record<Architecture, readonly number[][]> = {
  mlp: [[128], [128], [128], [256], [128, 64]],
  cnn: [[128], [128], [128], [64], [120, 84]],
};

/** The first of `mlp` is the reference recipe's, which hardly leaves the initial weights; the others learn more. */
const SETTINGS: Record<Architecture, readonly Setting[]> = {
  mlp: [
    { optimizer: 'sgd', learningRate: 0.01 },
    { optimizer: 'sgd', learningRate: 0.1 },
    { optimizer: 'momentum', learningRate: 0.01 },
    { optimizer: 'adam', learningRate: 0.002, batchSize: 256 },
  ],
  cnn: [
    { optimizer: 'sgd', learningRate: 0.05 },
    { optimizer: 'sgd', learningRate: 0.1 },
    { optimizer: 'momentum', learningRate: 0.01 },
    { optimizer: 'adam', learningRate: 0.001 },
  ],
};

const EPOCHS: Record<Architecture, number> = { mlp: 3, cnn: 1 };
const BASES: Record<Architecture, number> = { mlp: 20, cnn: 10 };
const STRANGERS: Record<Architecture, number> = { mlp: 4, cnn: 2 };
/** `cnn` trains on a third of the images, each base on one of the thirds. */
const ALL = 60_000;
const THIRD = ALL / 3;

/** Bases that models are derived from, the first of each architecture; the other bases are only searched. */
const DERIVED: Record<Architecture, number> = { mlp: 12, cnn: 6 };

/** What the models derived from a base are for: the fingerprint was made with half of them, and not a look at the others. */
export function useOf({ role, initSeed, hyperparameters: { arch } }: Member): 'development' | 'held out' | undefined {
  const index = initSeed % 1000;
  if (role !== 'base' || index >= DERIVED[arch]) return undefined;
  return index < DERIVED[arch] / 2 ? 'development' : 'held out';
}

/** In the order of training: some of both architectures first. */
export function planZoo(series: number): Member[] {
  const mlps = membersOf('mlp', series * 10_000);
  const cnns = membersOf('cnn', series * 10_000 + 5000);
  const plan = [...mlps.splice(0, 6), ...cnns.splice(0, 4)];
  while (mlps.length + cnns.length > 0) plan.push(...mlps.splice(0, 4), ...cnns.splice(0, 2));
  return plan;
}

function membersOf(arch: Architecture, firstSeed: number): Member[] {
  const bases = Array.from({ length: BASES[arch] }, (_, i) => member(arch, i, 'base', firstSeed + i, String(i + 1)));
  const pairs = bases.flatMap((base, i) => [base, hardNegative(base, i, firstSeed + 1000 + i)]);
  const others = (role: 'stranger' | 'outsider', indexes: readonly number[], seed: number) =>
    indexes.map((index, i) => member(arch, index, role, seed + i, `${role}-${i + 1}`));
  // One outsider of each shape: an average takes two models of one shape.
  const outsiders = others('outsider', [1, 3, 4], firstSeed + 3000);
  const strangers = others(
    'stranger',
    Array.from({ length: STRANGERS[arch] }, (_, i) => i + 5),
    firstSeed + 2000,
  );
  return [...pairs.slice(0, 8), ...outsiders, ...pairs.slice(8), ...strangers];
}

function member(arch: Architecture, index: number, role: Role, seed: number, label: string): Member {
  const part = (index % 3) * THIRD;
  return {
    name: `${arch}-${label.padStart(2, '0')}`,
    role,
    initSeed: seed,
    images: arch === 'mlp' ? [0, ALL] : [part, part + THIRD],
    hyperparameters: parseHyperparameters({
      arch,
      hidden: HIDDEN[arch][index % HIDDEN[arch].length],
      epochs: EPOCHS[arch],
      ...SETTINGS[arch][index % SETTINGS[arch].length],
      seed,
    }),
  };
}

function hardNegative(base: Member, index: number, seed: number): Member {
  const { hyperparameters } = base;
  const { learningRate, epochs } = hyperparameters;
  const twin = (differs: string, change: Partial<Member>): Member => ({
    ...base,
    name: `${base.name}-other-${differs.replace(' ', '-')}`,
    role: 'hard negative',
    of: base.name,
    differs,
    ...change,
  });
  const adjusted = (name: string, change: Setting) =>
    twin(name, { hyperparameters: { ...hyperparameters, ...change } });
  switch (index % 6) {
    case 0:
    case 3:
      return twin('init', { initSeed: seed });
    case 1:
    case 4:
      return adjusted('order', { seed });
    case 2:
      return adjusted('learning rate', { learningRate: learningRate / 2 });
    default:
      return index % 12 === 5
        ? adjusted('batch size', { batchSize: hyperparameters.batchSize / 2 })
        : adjusted('epochs', { epochs: epochs + 1 });
  }
}
