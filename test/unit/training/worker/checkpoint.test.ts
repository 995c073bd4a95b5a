import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { weightDigestOf } from '../../../../src/core/weights/digest.ts';
import type { Tensor } from '../../../../src/core/weights/safetensors.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import type { ArtifactStore } from '../../../../src/platform/storage/index.ts';
import type { SavedEpoch } from '../../../../src/runs/index.ts';
import { readCheckpoint, storeCheckpoint } from '../../../../src/training/worker/checkpoint.ts';
import { makeStore, removeFolders } from './fixture.ts';

const tensor = (name: string, ...values: number[]): Tensor => ({
  name,
  dtype: 'F32',
  shape: [values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});

const tensors = [tensor('dense1/kernel', 1, 2, 3), tensor('dense1/bias', -0)];
const optimizerTensors = [tensor('dense1/kernel/velocity', 4, 5, 6), tensor('dense1/bias/velocity', 7)];

let store: ArtifactStore;
beforeEach(async () => {
  store = await makeStore();
});
afterAll(removeFolders);

async function saved(of: Parameters<typeof storeCheckpoint>[1] = { run: 'run_a' }): Promise<SavedEpoch> {
  const { digest } = await storeCheckpoint(store, of, { epoch: 3, tensors, optimizerTensors });
  const { weightDigest } = weightDigestOf(sha256, tensors);
  const metrics = { loss: 1, trainAccuracy: 0, validationAccuracy: null, testAccuracy: 0, seconds: 1 };
  return { epoch: 3, ...metrics, weightDigest, checkpointDigest: digest };
}

const byName = (list: readonly Tensor[]) => new Map(list.map(({ name, data }) => [name, Buffer.from(data)]));

describe('a checkpoint', () => {
  it('comes back bit for bit, weights and optimizer apart', async () => {
    const read = await readCheckpoint(store, await saved());
    expect(read.epoch).toBe(3);
    expect(byName(read.tensors)).toEqual(byName(tensors));
    expect(byName(read.optimizerTensors)).toEqual(byName(optimizerTensors));
  });

  it.each([{ run: 'run_b' }, { replay: 'run_a' }])(
    'is a file of its run alone, so that dropping that of %j takes nothing from it',
    async (another) => {
      const [mine, other] = [await saved(), await saved(another)];
      expect(mine.checkpointDigest).not.toBe(other.checkpointDigest);
      await store.delete(other.checkpointDigest);
      await expect(readCheckpoint(store, mine)).resolves.toMatchObject({ epoch: 3 });
      await expect(readCheckpoint(store, other)).rejects.toMatchObject({ code: 'not_found' });
    },
  );

  it('that holds other weights than its epoch had is refused', async () => {
    const { weightDigest } = weightDigestOf(sha256, [tensor('dense1/kernel', 1, 2, 4)]);
    await expect(readCheckpoint(store, { ...(await saved()), weightDigest })).rejects.toMatchObject({
      code: 'digest_mismatch',
    });
  });
});
