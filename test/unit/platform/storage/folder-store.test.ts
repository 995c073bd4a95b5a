import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, readFile, readdir, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Digest } from '../../../../src/core/digest.ts';
import { formatDigest } from '../../../../src/core/digest.ts';
import type { StoredArtifact } from '../../../../src/platform/storage/artifact-store.ts';
import { FolderArtifactStore } from '../../../../src/platform/storage/folder-store.ts';
import { PLAIN_CHUNK, SEALED_CHUNK, SEAL_HEADER } from '../../../../src/platform/storage/sealed-file.ts';

const masterKey = Buffer.alloc(32, 7);
const DAY_MS = 86_400_000;

let folder: string;
let store: FolderArtifactStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muniment-store-'));
  store = await FolderArtifactStore.open({ folder, masterKey });
});

afterEach(() => rm(folder, { recursive: true }));

const digestOf = (bytes: Uint8Array): Digest => formatDigest(createHash('sha256').update(bytes).digest());

const pathOf = (digest: Digest) => join(folder, 'sha256', digest.slice(7, 9), digest.slice(7));

async function* pieces(bytes: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function put(bytes: Uint8Array): Promise<Digest> {
  const digest = digestOf(bytes);
  await store.put(digest, pieces(bytes));
  return digest;
}

async function readAll(artifact: StoredArtifact, start?: number, end?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of artifact.stream(start, end)) parts.push(part);
  return Buffer.concat(parts);
}

const filesLeft = async () =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

const DAMAGED = { name: 'RegistryError', code: 'artifact_damaged' };

describe('the artifact store', () => {
  test.each([0, 1, PLAIN_CHUNK - 1, PLAIN_CHUNK, PLAIN_CHUNK + 1, 2 * PLAIN_CHUNK, 20 * PLAIN_CHUNK + 5])(
    'gives back %i bytes as they were stored, whatever pieces they came in',
    async (size) => {
      const content = randomBytes(size);
      const digest = digestOf(content);
      for (const pieceSize of [999, PLAIN_CHUNK, 3 * PLAIN_CHUNK + 1]) {
        expect(await store.put(digest, pieces(content, pieceSize))).toEqual({ bytes: size });
        const artifact = await store.open(digest);
        expect(artifact.size).toBe(size);
        expect((await readAll(artifact)).equals(content)).toBe(true);
      }
    },
  );

  test('reads any range', async () => {
    const content = randomBytes(3 * PLAIN_CHUNK + 100);
    const artifact = await store.open(await put(content));
    const anyRange = fc.tuple(fc.nat(content.length), fc.nat(content.length)).map((ends) => ends.sort((a, b) => a - b));
    await fc.assert(
      fc.asyncProperty(anyRange, async ([start, end]) => {
        const wanted = content.subarray(start, end);
        expect(wanted.equals(await artifact.read(start, end - start))).toBe(true);
        expect((await readAll(artifact, start, end)).equals(wanted)).toBe(true);
      }),
    );
    await expect(artifact.read(content.length - 1, 2)).rejects.toMatchObject({ code: 'malformed_container' });
    await expect(readAll(artifact, 0, content.length + 1)).rejects.toMatchObject({ code: 'malformed_container' });
    await expect(readAll(artifact, 5, 4)).rejects.toMatchObject({ code: 'malformed_container' });
  });

  test('tells what is there, and forgets what is deleted', async () => {
    const digest = await put(randomBytes(10));
    expect(await store.has(digest)).toBe(true);
    await store.delete(digest);
    expect(await store.has(digest)).toBe(false);
    await expect(store.open(digest)).rejects.toMatchObject({ code: 'not_found' });
    await store.delete(digest);
    expect(await filesLeft()).toEqual([]);
  });

  test('keeps what it has across a restart, readable by its owner alone', async () => {
    const content = randomBytes(100_000);
    const digest = await put(content);
    store = await FolderArtifactStore.open({ folder, masterKey });
    expect((await readAll(await store.open(digest))).equals(content)).toBe(true);
    expect((await stat(pathOf(digest))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'sha256'))).mode & 0o077).toBe(0);
  });

  test('takes the same artifact twice, at the same time, and while it is read', async () => {
    const content = randomBytes(300_000);
    const digest = await put(content);
    const artifact = await store.open(digest);
    const [, , read] = await Promise.all([put(content), put(content), readAll(artifact)]);
    expect(read.equals(content)).toBe(true);
    expect(content.subarray(70_000, 70_010).equals(await artifact.read(70_000, 10))).toBe(true);
    expect(await filesLeft()).toHaveLength(1);
  });

  test('writes nothing of the content in the clear, and no artifact twice the same way', async () => {
    const content = Buffer.alloc(200_000, 'secret weights');
    const digest = await put(content);
    const first = await readFile(pathOf(digest));
    await put(content);
    const second = await readFile(pathOf(digest));
    expect(first.includes('secret')).toBe(false);
    expect(first.subarray(SEAL_HEADER, SEAL_HEADER + 16).equals(second.subarray(SEAL_HEADER, SEAL_HEADER + 16))).toBe(
      false,
    );
  });

  test.each(['../../../etc/passwd', 'sha256:../x', `sha256:${'A'.repeat(64)}`, `sha256:${'a'.repeat(63)}`, ''])(
    'takes no path for a digest: %j',
    async (name) => {
      const digest = name as Digest;
      await expect(store.has(digest)).rejects.toMatchObject({ code: 'digest_malformed' });
      await expect(store.open(digest)).rejects.toMatchObject({ code: 'digest_malformed' });
      await expect(store.delete(digest)).rejects.toMatchObject({ code: 'digest_malformed' });
      await expect(store.put(digest, pieces(Buffer.of(1)))).rejects.toMatchObject({ code: 'digest_malformed' });
      expect(await filesLeft()).toEqual([]);
    },
  );

  test('refuses a master key of the wrong length', async () => {
    await expect(FolderArtifactStore.open({ folder, masterKey: Buffer.alloc(16) })).rejects.toMatchObject({
      code: 'configuration_invalid',
    });
  });
});

describe('a write that fails leaves nothing behind', () => {
  test('when the content is not what it is called', async () => {
    const content = randomBytes(100_000);
    const digest = digestOf(content);
    content[70_000]! ^= 1;
    await expect(store.put(digest, pieces(content))).rejects.toMatchObject({
      code: 'digest_mismatch',
      field: 'digest',
    });
    expect(await store.has(digest)).toBe(false);
    expect(await filesLeft()).toEqual([]);
  });

  test('and the stored artifact stays as it was', async () => {
    const content = randomBytes(100_000);
    const digest = await put(content);
    await expect(store.put(digest, pieces(randomBytes(5)))).rejects.toMatchObject({ code: 'digest_mismatch' });
    expect((await readAll(await store.open(digest))).equals(content)).toBe(true);
  });

  test('when the sender breaks off', async () => {
    async function* broken() {
      yield randomBytes(100_000);
      await Promise.reject(new Error('connection reset'));
    }
    await expect(store.put(digestOf(Buffer.of(1)), broken())).rejects.toThrow('connection reset');
    expect(await filesLeft()).toEqual([]);
  });

  test('after a kill, once it is older than a day', async () => {
    const now = Date.now();
    const [old, young] = [join(folder, 'tmp', 'old.part'), join(folder, 'tmp', 'young.part')];
    for (const path of [old, young]) await writeFile(path, 'half an artifact');
    await utimes(old, new Date(now - DAY_MS - 60_000), new Date(now - DAY_MS - 60_000));
    await utimes(young, new Date(now - DAY_MS + 60_000), new Date(now - DAY_MS + 60_000));
    await FolderArtifactStore.open({ folder, masterKey, now: () => now });
    expect(await readdir(join(folder, 'tmp'))).toEqual(['young.part']);
  });
});

describe('somebody who can write to the disk', () => {
  const content = randomBytes(3 * PLAIN_CHUNK);
  let digest: Digest;
  let sealed: Buffer;

  beforeEach(async () => {
    digest = await put(content);
    sealed = await readFile(pathOf(digest));
  });

  const chunk = (index: number) => sealed.subarray(SEAL_HEADER + index * SEALED_CHUNK).subarray(0, SEALED_CHUNK);
  const readBack = async () => readAll(await store.open(digest));

  test('cannot flip a bit unnoticed, be it in header, ciphertext or tag', async () => {
    const places = [0, 7, 8, 39, 40, 46, 47, 5000, SEAL_HEADER + SEALED_CHUNK - 1, SEAL_HEADER + SEALED_CHUNK];
    for (const place of [...places, sealed.length - 17, sealed.length - 1]) {
      const altered = Buffer.from(sealed);
      altered[place]! ^= 1 << (place % 8);
      await writeFile(pathOf(digest), altered);
      await expect(readBack()).rejects.toMatchObject(DAMAGED);
    }
    await writeFile(pathOf(digest), sealed);
    expect((await readBack()).equals(content)).toBe(true);
  });

  test('cannot cut the file anywhere', async () => {
    const cuts = [0, 1, 46, 47, 48, 62, 63, 64, SEAL_HEADER + SEALED_CHUNK, SEAL_HEADER + 2 * SEALED_CHUNK];
    for (const length of [...cuts, SEAL_HEADER + 2 * SEALED_CHUNK + 16, sealed.length - 16, sealed.length - 1]) {
      await writeFile(pathOf(digest), sealed);
      await truncate(pathOf(digest), length);
      await expect(store.open(digest)).rejects.toMatchObject(DAMAGED);
    }
  });

  test.each<[string, () => Buffer]>([
    ['append a byte', () => Buffer.concat([sealed, Buffer.of(0)])],
    ['append the last chunk again', () => Buffer.concat([sealed, chunk(2)])],
    ['exchange two chunks', () => Buffer.concat([sealed.subarray(0, SEAL_HEADER), chunk(1), chunk(0), chunk(2)])],
    ['double a chunk', () => Buffer.concat([sealed.subarray(0, SEAL_HEADER), chunk(0), chunk(0), chunk(2)])],
    ['leave out a chunk', () => Buffer.concat([sealed.subarray(0, SEAL_HEADER), chunk(0), chunk(2)])],
    ['put the first chunk last', () => Buffer.concat([sealed.subarray(0, SEAL_HEADER), chunk(1), chunk(2), chunk(0)])],
  ])('cannot %s', async (_, forge) => {
    await writeFile(pathOf(digest), forge());
    await expect(readBack()).rejects.toMatchObject(DAMAGED);
  });

  test('cannot exchange two artifacts of one size', async () => {
    const other = await put(randomBytes(3 * PLAIN_CHUNK));
    await copyFile(pathOf(other), pathOf(digest));
    await expect(store.open(digest)).rejects.toMatchObject(DAMAGED);
  });

  test('cannot bring in a chunk of an earlier file of the same artifact', async () => {
    await put(content);
    const later = await readFile(pathOf(digest));
    chunk(1).copy(later, SEAL_HEADER + SEALED_CHUNK);
    await writeFile(pathOf(digest), later);
    await expect(readBack()).rejects.toMatchObject(DAMAGED);
  });

  test('cannot lead a read out of the folder by a link', async () => {
    await copyFile(pathOf(digest), join(folder, 'elsewhere'));
    await rm(pathOf(digest));
    await symlink(join(folder, 'elsewhere'), pathOf(digest));
    await expect(store.open(digest)).rejects.toMatchObject({ code: 'ELOOP' });
  });

  test('cannot spoil the parts of a file that were left alone', async () => {
    const altered = Buffer.from(sealed);
    altered[SEAL_HEADER + SEALED_CHUNK + 5]! ^= 1;
    await writeFile(pathOf(digest), altered);
    const artifact = await store.open(digest);
    expect(content.subarray(0, PLAIN_CHUNK).equals(await artifact.read(0, PLAIN_CHUNK))).toBe(true);
    await expect(artifact.read(PLAIN_CHUNK, 1)).rejects.toMatchObject(DAMAGED);
  });

  test('cannot read it under another master key', async () => {
    const stranger = await FolderArtifactStore.open({ folder, masterKey: Buffer.alloc(32, 8) });
    await expect(stranger.open(digest)).rejects.toMatchObject(DAMAGED);
  });
});
