/**
 * Putting a dataset on record: its files are hashed here, the record is signed here, and the files go up so that
 * workers can train on them. The bytes that were hashed and the bytes that are sent are held to one digest by the
 * registry, so a file that changes in between is refused there.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { formatDigest } from '../core/digest.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { dataset as kind, manifestOf } from '../core/registry/dataset.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { findParty } from './find.ts';
import { MNIST, mnistFolder, requireMnist } from './mnist.ts';
import { progressBar } from './progress.ts';
import { write } from './sign.ts';
import type { DatasetBody } from './views.ts';

export interface DatasetFacts {
  name?: string;
  version?: string;
  license?: string;
  granted?: boolean;
  origin?: string;
  holder?: string;
  collection?: string;
  upload?: boolean;
}

interface LocalFile {
  path: string;
  name: string;
  bytes: number;
  digest: Digest;
}

export async function addDataset(
  context: Context,
  path: string,
  options: DatasetFacts,
): Promise<{ body: DatasetBody; receipt: Receipt; uploaded: boolean }> {
  const isMnist = path === 'mnist';
  const facts = isMnist ? { ...MNIST, ...options } : options;
  const { license, origin, holder } = requireFacts(facts);
  const folder = isMnist ? mnistFolder() : resolve(path);
  const files = await hashFolder(context, folder);
  if (isMnist) requireMnist(files);
  const session = await context.session();
  const body: DatasetBody = {
    name: facts.name ?? basename(folder),
    version: facts.version ?? '1',
    ...manifestOf(
      sha256,
      files.map(({ name, bytes, digest }) => ({ name, bytes, digest })),
    ),
    originUrl: origin,
    license: { expression: license, status: facts.granted === true ? 'granted' : 'asserted' },
    holder: await holderOf(session.client, holder),
    collection: facts.collection ?? null,
  };
  const basis = body.holder.party === null ? [] : [(await findParty(session.client, body.holder.party)).statement];
  const receipt = await write(context, session, { kind, path: '/v1/datasets', body, basis });
  const uploaded = facts.upload ?? !isMnist;
  if (uploaded) await upload(context, session.client, receipt.id, files);
  return { body, receipt, uploaded };
}

function requireFacts({ license, origin, holder }: Partial<DatasetFacts>) {
  const missing = Object.entries({ license, origin, holder }).find(([, value]) => value === undefined)?.[0];
  if (license === undefined || origin === undefined || holder === undefined) {
    throw new RegistryError('usage', `The option --${missing} is missing.`, {
      field: missing ?? '',
      fix: 'State license, origin and holder of the data; NOASSERTION is a license when nobody stated one.',
    });
  }
  return { license, origin, holder };
}

/** Every file below the folder, named by its path in it. */
async function hashFolder(context: Context, folder: string): Promise<LocalFile[]> {
  const paths = await filesBelow(folder);
  if (paths.length === 0) throw new RegistryError('dataset_malformed', `There is no file in "${folder}".`);
  const sizes = await Promise.all(paths.map(async (name) => (await stat(join(folder, name))).size));
  const bar = await progressBar(
    context.io,
    'Hashing  {bar} {percentage} %',
    sizes.reduce((sum, size) => sum + size, 0),
  );
  let done = 0;
  const files: LocalFile[] = [];
  try {
    for (const name of paths) {
      const path = join(folder, name);
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
        hash.update(piece as Buffer);
        bytes += (piece as Buffer).length;
        bar.update((done += (piece as Buffer).length));
      }
      files.push({ path, name, bytes, digest: formatDigest(hash.digest()) });
    }
  } finally {
    bar.stop();
  }
  return files;
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true, recursive: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(folder.length + 1)
          .replaceAll('\\', '/'),
      )
      .sort();
  } catch (cause) {
    throw new RegistryError('unreachable', `The folder "${folder}" cannot be read.`, { fix: 'Check its name.', cause });
  }
}

async function holderOf(client: Client, text: string): Promise<DatasetBody['holder']> {
  try {
    const { id, name } = await findParty(client, text);
    return { name: name ?? text, party: id };
  } catch (error) {
    // Rights are often held by somebody who never heard of this registry: then the name alone is recorded.
    if (error instanceof RegistryError && error.code === 'not_found') return { name: text, party: null };
    throw error;
  }
}

async function upload(context: Context, client: Client, id: string, files: readonly LocalFile[]): Promise<void> {
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  const bar = await progressBar(context.io, 'Uploading {bar} {percentage} %  {eta_formatted} left', total);
  let done = 0;
  try {
    for (const { path, digest } of files) {
      const counted = async function* (): AsyncGenerator<Uint8Array> {
        for await (const piece of createReadStream(path, { highWaterMark: 1 << 18 })) {
          yield piece as Buffer;
          bar.update((done += (piece as Buffer).length));
        }
      };
      await client.put(`/v1/datasets/${id}/files/${digest}`, counted());
    }
  } finally {
    bar.stop();
  }
}
