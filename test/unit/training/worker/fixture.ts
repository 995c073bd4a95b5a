/** An artifact store of its own, in a folder that is thrown away. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderArtifactStore } from '../../../../src/platform/storage/index.ts';

const folders: string[] = [];

export async function makeFolder(): Promise<string> {
  folders.push(await mkdtemp(join(tmpdir(), 'muniment-worker-test-')));
  return folders.at(-1)!;
}

export const makeStore = async () =>
  FolderArtifactStore.open({ folder: await makeFolder(), masterKey: randomBytes(32) });

export async function removeFolders(): Promise<void> {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
}

export async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}
