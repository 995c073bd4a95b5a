import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '../../../../src/core/bytes.ts';
import { CHUNK_BYTES, weightDigestOf } from '../../../../src/core/weights/digest.ts';
import { inspectWeights } from '../../../../src/core/weights/inspect.ts';
import { writeSafetensors } from '../../../../src/core/weights/safetensors.ts';
import { sha256 } from '../../../../src/platform/crypto.ts';
import { openFileSource } from '../../../../src/platform/storage/file-source.ts';
import { FolderArtifactStore } from '../../../../src/platform/storage/folder-store.ts';
import { hashFile, hashWeights } from '../../../../src/platform/storage/hash-file.ts';
import { mainFileIn } from '../../../../src/platform/storage/model-folder.ts';
import { ggufOf, uint16 } from '../../core/weights/gguf-fixture.ts';
import { external, onnxOf, tensor } from '../../core/weights/onnx-fixture.ts';

const data = Uint8Array.from({ length: 3 * CHUNK_BYTES + 4 }, (_, i) => i % 241);
const tensors = [
  { name: 'big', dtype: 'F32' as const, shape: [data.length / 4], data },
  { name: 'small', dtype: 'U8' as const, shape: [3], data: Uint8Array.of(1, 2, 3) },
];
const artifact = writeSafetensors(tensors, { id: 'mdl_1' });
const fileDigestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-hash-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function fileWith(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

describe('hashing a file of weights', () => {
  test.each(['model.safetensors', 'weights.bin'])(
    'finds file digest and weight digests of %s in one pass',
    async (name) => {
      const progress: [number, number][] = [];
      const report = await hashFile(await fileWith(name, artifact), {
        onProgress: (done, all) => progress.push([done, all]),
      });
      expect(report).toMatchObject({
        fileDigest: fileDigestOf(artifact),
        ...weightDigestOf(sha256, tensors),
        container: 'safetensors',
        parameters: data.length / 4 + 3,
        bytes: artifact.length,
        metadata: { id: 'mdl_1' },
      });
      expect(progress.at(-1)).toEqual([artifact.length + data.length + 3, artifact.length + data.length + 3]);
      expect(progress.every(([bytes], i) => i === 0 || bytes > progress[i - 1]![0])).toBe(true);
    },
  );

  test.each([0, 5, 9, CHUNK_BYTES, 2 * CHUNK_BYTES + 1])(
    'gives the file digest of %i bytes that it cannot read',
    async (n) => {
      const bytes = new Uint8Array(n).fill(0xee);
      const progress: number[] = [];
      const report = await hashFile(await fileWith('model.dat', bytes), { onProgress: (done) => progress.push(done) });
      expect(report).toEqual({
        fileDigest: fileDigestOf(bytes),
        rootDigest: fileDigestOf(createHash('sha256').update(bytes).digest()),
        container: 'unknown',
        weightDigest: null,
        namelessDigest: null,
        tensors: [],
        metadata: {},
        parameters: 0,
        bytes: n,
        files: 1,
      });
      expect(progress.at(-1)).toBe(n === 0 ? undefined : n);
    },
  );

  test('finds the digests of a model in shards: the tensors of all, and a root over the files by path', async () => {
    const [big, small] = tensors.map((tensor) => writeSafetensors([tensor]));
    await mkdir(join(folder, 'part'));
    await fileWith('part.safetensors', small!);
    await fileWith('part/z.safetensors', big!);
    await fileWith('beside.safetensors', artifact);
    const map = { big: 'part/z.safetensors', small: 'part.safetensors' };
    const index = utf8(JSON.stringify({ weight_map: map }));
    const report = await hashFile(await fileWith('model.safetensors.index.json', index));
    const inOrder = [index, big!, small!].map((bytes) => createHash('sha256').update(bytes).digest());
    expect(report).toMatchObject({
      container: 'sharded-safetensors',
      ...weightDigestOf(sha256, tensors),
      fileDigest: fileDigestOf(Buffer.concat(inOrder)),
      rootDigest: fileDigestOf(Buffer.concat(inOrder)),
      bytes: index.length + big!.length + small!.length,
      files: 3,
    });
  });

  test.each([
    '../weights.safetensors',
    '/etc/x.safetensors',
    'a/../x.safetensors',
    'a\\x.safetensors',
    'C:x.safetensors',
    './x.safetensors',
  ])('opens no shard called %s', async (shard) => {
    await fileWith('weights.safetensors', artifact);
    const index = utf8(JSON.stringify({ weight_map: { big: shard } }));
    const path = await fileWith('model.safetensors.index.json', index);
    await expect(hashFile(path)).rejects.toMatchObject({ code: 'malformed_container', field: shard });
  });

  test('follows no link out of the folder', async () => {
    await fileWith('secret', data.subarray(0, 1));
    const inner = join(folder, 'model');
    await mkdir(join(inner, 'parts'), { recursive: true });
    const model = onnxOf(tensor('w', 3, [1], external({ location: 'parts/w', length: '1' })));
    await writeFile(join(inner, 'model.onnx'), model);
    const link = join(inner, 'parts/w');
    const refused = { code: 'malformed_container', field: 'parts/w' };
    await symlink(join(folder, 'secret'), link);
    await expect(hashFile(join(inner, 'model.onnx'))).rejects.toMatchObject(refused);
    await rm(join(inner, 'parts'), { recursive: true });
    await mkdir(join(folder, 'elsewhere'));
    await fileWith('elsewhere/w', data.subarray(0, 1));
    await symlink(join(folder, 'elsewhere'), join(inner, 'parts'));
    await expect(hashFile(join(inner, 'model.onnx'))).rejects.toMatchObject(refused);
    // One that stays in it is followed, also where the folder itself is a link.
    await rm(join(inner, 'parts'));
    await mkdir(join(inner, 'parts'));
    await fileWith('model/own', data.subarray(0, 1));
    await symlink('../own', link);
    await symlink(inner, join(folder, 'linked'));
    for (const name of ['model', 'linked']) {
      expect(await hashFile(join(folder, name, 'model.onnx'))).toMatchObject({ files: 2, container: 'onnx' });
    }
  });

  test('reads a model that a cache of downloads links to its files', async () => {
    const [blobs, snapshot] = [join(folder, 'blobs'), join(folder, 'snapshots')];
    await Promise.all([mkdir(blobs), mkdir(snapshot)]);
    await fileWith('blobs/1', utf8(JSON.stringify({ weight_map: { big: 'a.safetensors', small: 'a.safetensors' } })));
    await fileWith('blobs/2', artifact);
    const index = join(snapshot, 'model.safetensors.index.json');
    await symlink('../blobs/1', index);
    await symlink('../blobs/2', join(snapshot, 'a.safetensors'));
    expect(await hashFile(index)).toMatchObject({ files: 2, ...weightDigestOf(sha256, tensors) });
    expect(await mainFileIn(snapshot)).toBe(index);
  });

  test('refuses a broken file that is called safetensors', async () => {
    const path = await fileWith('model.SafeTensors', artifact.subarray(0, 5000));
    await expect(hashFile(path)).rejects.toMatchObject({ code: 'malformed_container' });
  });

  test('names a file that is not there, and a folder', async () => {
    await expect(hashFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'not_found' });
    await expect(hashFile(folder)).rejects.toMatchObject({ code: 'invalid_input' });
  });

  test('reads the shards of a GGUF model beside its first', async () => {
    const shard = (no: number): Uint8Array =>
      ggufOf({
        metadata: [uint16('split.no', no), uint16('split.count', 2)],
        tensors: [{ name: `t${no}`, dimensions: [3], data: Uint8Array.of(1, 2, no) }],
      });
    const path = await fileWith('m-00001-of-00002.gguf', shard(0));
    await expect(hashFile(path)).rejects.toMatchObject({ code: 'not_found' });
    await fileWith('m-00002-of-00002.gguf', shard(1));
    const both = [0, 1].map((no) => ({
      name: `t${no}`,
      dtype: 'I8' as const,
      shape: [3],
      data: Uint8Array.of(1, 2, no),
    }));
    expect(await hashFile(path)).toMatchObject({ files: 2, ...weightDigestOf(sha256, both) });
    expect(await hashWeights(path)).toMatchObject(weightDigestOf(sha256, both));
  });

  test.each(['../secret', '/etc/hostname', 'a/../../secret', 'a\\secret', 'C:secret', '.', ''])(
    'lets no ONNX model read "%s"',
    async (location) => {
      const model = onnxOf(tensor('w', 3, [1], external({ location, length: '1' })));
      await expect(hashFile(await fileWith('model.onnx', model))).rejects.toMatchObject({
        code: 'malformed_container',
      });
    },
  );

  test('notices a file that becomes shorter while it is read', async () => {
    const path = await fileWith('model.safetensors', artifact);
    const file = await openFileSource(path);
    await truncate(path, 1000);
    await expect(inspectWeights(file, sha256)).rejects.toMatchObject({ code: 'malformed_container' });
    await file.close();
  });

  test('knows of a file that somebody wrote to', async () => {
    const path = await fileWith('model.safetensors', artifact);
    const file = await openFileSource(path);
    expect(await file.changed()).toBe(false);
    await appendFile(path, 'more');
    expect(await file.changed()).toBe(true);
    await file.close();
  });

  test('refuses a file that changes while it is hashed', async () => {
    const path = await fileWith('model.safetensors', artifact);
    const onProgress = () => appendFileSync(path, 'more');
    await expect(hashFile(path, { onProgress })).rejects.toMatchObject({
      code: 'state_conflict',
      field: 'model.safetensors',
    });
  });

  test('finds the same digests in an encrypted artifact', async () => {
    const store = await FolderArtifactStore.open({ folder, masterKey: new Uint8Array(32) });
    const digest = fileDigestOf(artifact) as `sha256:${string}`;
    await store.put(
      digest,
      (async function* () {
        yield await Promise.resolve(artifact);
      })(),
    );
    expect(await inspectWeights(await store.open(digest), sha256)).toMatchObject(weightDigestOf(sha256, tensors));
  });
});
