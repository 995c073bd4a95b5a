/**
 * What is in a file of weights: its container, its tensors and their digests, read in the order of the bytes and in
 * constant memory, so that a caller can hash the whole file in the same pass.
 */
import type { Digest, Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { ContainerName, ContainerReader, OpenedContainer, Siblings, StoredTensor } from './container.ts';
import type { HashedTensor, WeightDigestOptions } from './digest.ts';
import { checkLength, combine, hashTensor } from './digest.ts';
import { elementCount } from './dtype.ts';
import { gguf } from './gguf.ts';
import { MAX_TENSORS } from './limits.ts';
import { npy } from './npy.ts';
import { npz } from './npz.ts';
import { pytorch } from './torch.ts';
import { hdf5 } from './hdf5.ts';
import { keras } from './keras.ts';
import { tfjs } from './tfjs.ts';
import { onnx } from './onnx.ts';
import { safetensors } from './safetensors.ts';
import { shardedSafetensors } from './sharded-safetensors.ts';

/** In the order in which they are asked whether a file is theirs. */
const READERS: readonly ContainerReader[] = [
  safetensors,
  npy,
  npz,
  shardedSafetensors,
  gguf,
  pytorch,
  hdf5,
  keras,
  tfjs,
  onnx,
];

export interface WeightsReport {
  container: ContainerName | 'unknown';
  /** null when the container is unknown: such weights are known by their file digest only. */
  weightDigest: Digest | null;
  namelessDigest: Digest | null;
  /** In the order of their bytes. */
  tensors: StoredTensor[];
  metadata: Record<string, string>;
  /** Elements of all tensors together. */
  parameters: number;
  /** Size of the file. */
  bytes: number;
}

export interface OpenOptions {
  /** What the caller knows the container to be, e.g. by `containerCalled`; a file that is not one is then refused. */
  container?: ContainerName;
  /** Other files of the model; without it, a file that names others is refused. */
  siblings?: Siblings;
}

export interface InspectOptions extends OpenOptions, WeightDigestOptions {
  /**
   * Hashes the data of tensors that stand in a file as they are, by reading it elsewhere, in threads for example.
   * @returns the chunk root of each
   */
  hashStored?: (tensors: readonly StoredTensor[]) => Promise<Uint8Array[]>;
}

export interface OpenedWeights extends OpenedContainer {
  container: ContainerName;
}

/**
 * What the container says of its tensors, none of which is read yet.
 * @returns undefined when the container is unknown
 * @throws RegistryError `malformed_container`, `unsupported_container`
 */
export async function openWeights(
  source: ByteSource,
  { container, siblings = NONE }: OpenOptions = {},
): Promise<OpenedWeights | undefined> {
  const reader = READERS.find((one) => one.container === container) ?? (await readerOf(source));
  if (reader === undefined) return undefined;
  const opened = await reader.open(source, siblings);
  if (opened.tensors.length > MAX_TENSORS) {
    throw new RegistryError('malformed_container', `The model has more than ${MAX_TENSORS} tensors.`);
  }
  return { container: reader.container, ...opened };
}

/**
 * Reads `source` from start to end, each byte of the data once.
 * @throws RegistryError `malformed_container` when it is one that can be read, or called so, and broken;
 *   `unsupported_container` when there is in it what is not read here
 */
export async function inspectWeights(
  source: ByteSource,
  sha256: Sha256,
  options: InspectOptions = {},
): Promise<WeightsReport> {
  const { hashStored } = options;
  const opened = await openWeights(source, options);
  if (opened === undefined) {
    return {
      container: 'unknown',
      weightDigest: null,
      namelessDigest: null,
      tensors: [],
      metadata: {},
      parameters: 0,
      bytes: source.size,
    };
  }
  const { container, tensors, metadata } = opened;
  const stored = tensors.filter(({ source }) => hashStored !== undefined && source !== undefined);
  for (const tensor of stored) checkLength(tensor, tensor.byteLength);
  const roots = (await hashStored?.(stored)) ?? [];
  const hashed = stored.map(({ name, dtype, shape }, i): HashedTensor => ({
    name,
    dtype,
    shape,
    chunkRoot: roots[i]!,
  }));
  const done = new Set(stored);
  for (const tensor of tensors) if (!done.has(tensor)) hashed.push(await hashTensor(sha256, tensor, options));
  const digests = combine(sha256, hashed);
  const parameters = tensors.reduce((sum, { shape }) => sum + (elementCount(shape) ?? 0), 0);
  return { container, ...digests, tensors, metadata, parameters, bytes: source.size };
}

/** What a file must be that is called so; others are told from their bytes. */
export function containerCalled(path: string): ContainerName | undefined {
  const name = path.toLowerCase();
  return READERS.find(({ endings }) => endings.some((ending) => name.endsWith(ending)))?.container;
}

/**
 * The other files that a file of weights names, as far as it can be read; what is broken in it is refused when it is hashed.
 * @returns undefined where it is no file of weights
 */
export async function otherFilesOf(
  source: ByteSource,
  name: string,
  files: Siblings,
): Promise<Set<string> | undefined> {
  const container = containerCalled(name);
  const reader = READERS.find((one) => one.container === container) ?? (await readerOf(source));
  if (reader === undefined) return undefined;
  const named = new Set<string>();
  const open = (other: string): Promise<ByteSource> => {
    named.add(other);
    return files.open(other);
  };
  try {
    await reader.open(source, { open });
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
  return named;
}

/** What the bytes of a file say that it is. */
export const containerOf = async (source: ByteSource): Promise<ContainerName | undefined> =>
  (await readerOf(source))?.container;

async function readerOf(source: ByteSource): Promise<ContainerReader | undefined> {
  for (const reader of READERS) if (await reader.recognizes(source)) return reader;
  return undefined;
}

const NONE: Siblings = {
  open: (name) => {
    throw new RegistryError('unsupported_container', 'The weights lie in other files, which are not at hand here.', {
      field: name,
      fix: 'Name the file where it lies beside the others.',
    });
  },
};
