/**
 * Checkpoints as artifacts: one safetensors file an epoch with the weights under their own names and the optimizer's
 * state under `optimizer/`. Reading one holds it to the weight digest that was recorded for its epoch.
 */
import type { Digest } from '../../core/digest.ts';
import { formatDigest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import { bytesSource } from '../../core/weights/byte-source.ts';
import { weightDigestOf } from '../../core/weights/digest.ts';
import type { Tensor } from '../../core/weights/safetensors.ts';
import { readSafetensorsHeader, writeSafetensors } from '../../core/weights/safetensors.ts';
import { sha256 } from '../../platform/crypto.ts';
import type { Log } from '../../platform/logging/index.ts';
import type { ArtifactStore } from '../../platform/storage/index.ts';
import type { SavedEpoch } from '../../runs/index.ts';
import type { Checkpoint } from '../trainer.ts';

const STATE = 'optimizer/';

export interface StoredFile {
  digest: Digest;
  bytes: number;
}

/** Returns when the file is safe in the store. */
export async function storeTensorsAs(
  artifacts: ArtifactStore,
  tensors: readonly Tensor[],
  metadata: Record<string, string>,
): Promise<StoredFile> {
  const bytes = writeSafetensors(tensors, metadata);
  const digest = formatDigest(sha256(bytes));
  await artifacts.put(digest, once(bytes));
  return { digest, bytes: bytes.length };
}

/** @param of the run, or the replay whose file this is: it is another one, so that each deletes its own alone */
export function storeCheckpoint(
  artifacts: ArtifactStore,
  of: { replay: string } | { run: string },
  { epoch, tensors, optimizerTensors }: Checkpoint,
): Promise<StoredFile> {
  const state = optimizerTensors.map((tensor) => ({ ...tensor, name: STATE + tensor.name }));
  const whose = 'run' in of ? { 'muniment.run': of.run } : { 'muniment.replay': of.replay };
  return storeTensorsAs(artifacts, [...tensors, ...state], { ...whose, 'muniment.epoch': String(epoch) });
}

/** @throws RegistryError `not_found`, `malformed_container`, `digest_mismatch` */
export async function readCheckpoint(
  artifacts: ArtifactStore,
  { epoch, weightDigest, checkpointDigest }: Pick<SavedEpoch, 'checkpointDigest' | 'epoch' | 'weightDigest'>,
): Promise<Checkpoint> {
  const stored = await artifacts.open(checkpointDigest);
  const bytes = new Uint8Array(stored.size);
  let filled = 0;
  for await (const piece of stored.stream()) {
    bytes.set(piece, filled);
    filled += piece.length;
  }
  const all = (await readSafetensorsHeader(bytesSource(bytes))).tensors.map(
    ({ name, dtype, shape, offset, byteLength }): Tensor => ({
      name,
      dtype,
      shape,
      data: bytes.subarray(offset, offset + byteLength),
    }),
  );
  const tensors = all.filter(({ name }) => !name.startsWith(STATE));
  if (weightDigestOf(sha256, tensors).weightDigest !== weightDigest) {
    throw new RegistryError('digest_mismatch', `The checkpoint of epoch ${epoch} holds other weights.`);
  }
  const optimizerTensors = all
    .filter(({ name }) => name.startsWith(STATE))
    .map((tensor) => ({ ...tensor, name: tensor.name.slice(STATE.length) }));
  return { epoch, tensors, optimizerTensors };
}

/** The newest checkpoint that holds what was recorded for its epoch. */
export async function lastCheckpoint(
  artifacts: ArtifactStore,
  log: Log,
  saved: readonly Pick<SavedEpoch, 'checkpointDigest' | 'epoch' | 'weightDigest'>[],
): Promise<Checkpoint | undefined> {
  for (const epoch of saved.toReversed()) {
    try {
      return await readCheckpoint(artifacts, epoch);
    } catch (error) {
      const useless = ['not_found', 'malformed_container', 'digest_mismatch', 'artifact_damaged'];
      if (!(error instanceof RegistryError) || !useless.includes(error.code)) throw error;
      log.warn({ err: error }, `The checkpoint of epoch ${epoch.epoch} is of no use: the one before it is tried.`);
    }
  }
  return undefined;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
