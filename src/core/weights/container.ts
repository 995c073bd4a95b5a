/**
 * What a reader of a container of weights is, and what it finds: the tensors, and how their bytes are come by. Readers
 * look at the container's own description alone; the data of a tensor is read when somebody asks for its pieces.
 *
 * Nothing that a file says of itself is believed before it is bounded: sizes by the bytes that are there, counts by
 * `limits.ts`, names of other files by `Siblings`. What cannot be right is refused as `malformed_container`, what is
 * right and not read here (a compression, an element type) as `unsupported_container`.
 */
import type { ByteSource } from './byte-source.ts';
import { readPieces } from './byte-source.ts';
import type { TensorStream } from './digest.ts';
import { CHUNK_BYTES } from './digest.ts';
import type { JsonObject } from './json.ts';
import type { OnnxGraph } from './onnx-graph.ts';

export const CONTAINERS = [
  'safetensors',
  'npy',
  'npz',
  'sharded-safetensors',
  'gguf',
  'onnx',
  'pytorch',
  'hdf5',
  'keras',
  'tfjs',
] as const;
export type ContainerName = (typeof CONTAINERS)[number];

export interface StoredTensor extends TensorStream {
  /** The file in which the data stands as the digest wants it, row-major and little endian; absent where it is in none */
  readonly source?: ByteSource;
  /** Where it begins there */
  readonly offset?: number;
  readonly byteLength: number;
}

export interface OpenedContainer {
  /** In the order of their bytes */
  tensors: StoredTensor[];
  /** What the container says about itself in words */
  metadata: Record<string, string>;
  /** Reads how the tensors work together, in containers that say it; it may be missing all the same. */
  plan?: () => Promise<Plan | undefined>;
}

/** The graph of an ONNX model, or what Keras' `get_config` says of a model: its `class_name` and `config` */
export type Plan = { kind: 'keras'; model: JsonObject } | { kind: 'onnx'; graph: OnnxGraph };

/** The other files of a model, which its main file names. They are closed by whoever gave them. */
export interface Siblings {
  /** What the main file itself is called, where that is known */
  readonly main?: string;
  /**
   * @param name a path below the folder of the main file, with `/` between its parts
   * @throws RegistryError `malformed_container` for a name that leads out of the folder; `not_found`
   */
  open(name: string): Promise<ByteSource>;
}

export interface ContainerReader {
  readonly container: ContainerName;
  /** How names of its files end, in lower case. A file called so is read as this container, and refused where it is none. */
  readonly endings: readonly string[];
  /** Whether the source begins as such a file does, told from few bytes. It may still turn out malformed. */
  recognizes(source: ByteSource): Promise<boolean>;
  /** @throws RegistryError `malformed_container`, `unsupported_container` */
  open(source: ByteSource, siblings: Siblings): Promise<OpenedContainer>;
}

/** A tensor whose data stands in `source` as the digest wants it. */
export const storedAt = (
  source: ByteSource,
  { name, dtype, shape }: Pick<TensorStream, 'dtype' | 'name' | 'shape'>,
  offset: number,
  byteLength: number,
): StoredTensor => ({
  name,
  dtype,
  shape,
  source,
  offset,
  byteLength,
  pieces: () => readPieces(source, offset, offset + byteLength, CHUNK_BYTES),
});
