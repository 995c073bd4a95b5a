/**
 * Putting a dataset on record: its files are hashed here, the record is signed here, and the files go up so that
 * workers can train on them. The bytes that were hashed and the bytes that are sent are held to one digest by the
 * registry, so a file that changes in between is refused there.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { equalBytes } from '../core/bytes.ts';
import { canonicalize } from '../core/canonical-json.ts';
import { formatDigest } from '../core/digest.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { commit } from '../core/registry/commitment.ts';
import { dataset as kind, manifestOf } from '../core/registry/dataset.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { newNonce, sha256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context, Session } from './context.ts';
import { findParty } from './find.ts';
import { MNIST, mnistFolder, requireMnist } from './mnist.ts';
import { progressBar } from './progress.ts';
import { write } from './sign.ts';
import { checkReceipts } from './verify.ts';
import type { DatasetBody, DatasetView } from './views.ts';

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

export interface AddedDataset {
  body: DatasetBody;
  /** Of the rights; null when it was erased */
  holderName: string | null;
  receipt: Receipt;
  uploaded: boolean;
  /** Whether the caller had these files on record under this name and version before. */
  known: boolean;
  /** What was said this time and differs from that record, which does not change. */
  changed: string[];
  /** Whether workers can read it. */
  trainable: boolean;
}

/** @throws RegistryError `dataset_malformed` for files that bear IDX's names and are none; nothing goes on record then */
export async function addDataset(context: Context, path: string, options: DatasetFacts): Promise<AddedDataset> {
  const isMnist = path === 'mnist';
  const facts = isMnist ? { ...MNIST, ...options } : options;
  const { license, origin, holder } = requireFacts(facts);
  const folder = isMnist ? mnistFolder() : resolve(path);
  const files = await hashFolder(context, folder);
  if (isMnist) requireMnist(files);
  const trainable = isMnist || (await isIdx(folder, files));
  const session = await context.session();
  const named = await holderOf(session.client, holder);
  const body: DatasetBody = {
    name: facts.name ?? basename(folder),
    version: facts.version ?? '1',
    ...manifestOf(
      sha256,
      files.map(({ name, bytes, digest }) => ({ name, bytes, digest })),
    ),
    originUrl: origin,
    license: { expression: license, status: facts.granted === true ? 'granted' : 'asserted' },
    holder: named.holder,
    collection: facts.collection ?? null,
  };
  const uploaded = facts.upload ?? !isMnist;
  const told = { ...body, holder: { ...named.holder, name: named.name } };
  const before = await findOwn(session, body);
  if (before !== undefined) {
    const receipt = await receiptOf(context, session.client, before);
    if (uploaded) await upload(context, session.client, before.id, files);
    return {
      body: bodyOf(before, body),
      holderName: before.holder.name,
      receipt,
      uploaded,
      known: true,
      changed: changedIn(before, told),
      trainable,
    };
  }
  const basis = body.holder.party === null ? [] : [(await findParty(session.client, body.holder.party)).statement];
  const { party, nameCommitment } = body.holder;
  const receipt = await write(context, session, {
    kind,
    path: '/v1/datasets',
    body,
    basis,
    disclosures: named.disclosures,
    plain: { ...body, holder: nameCommitment === null ? { party } : { name: named.name } },
  });
  if (uploaded) await upload(context, session.client, receipt.id, files);
  return { body, holderName: named.name, receipt, uploaded, known: false, changed: [], trainable };
}

/** Files with the names of IDX must be IDX, all four of them; any others are recorded as they are. */
async function isIdx(folder: string, files: readonly LocalFile[]): Promise<boolean> {
  if (!files.some(({ name }) => /^(?:train|t10k|test)-(?:images|labels)/.test(name))) return false;
  const { describeIdxFolder } = await import('../training/idx.ts');
  await describeIdxFolder(folder);
  return true;
}

async function findOwn({ client, me }: Session, body: DatasetBody): Promise<DatasetView | undefined> {
  const same = await client.get<DatasetView[]>(`/v1/datasets?manifest=${encodeURIComponent(body.manifestDigest)}`);
  return same.find(
    ({ maker, name, version }) => maker === me.party.id && name === body.name && version === body.version,
  );
}

async function receiptOf(context: Context, client: Client, { id, statement }: DatasetView): Promise<Receipt> {
  const receipt = await client.get<Receipt>(`/v1/receipts/${statement}`);
  const [spoken] = await checkReceipts(context, [receipt]);
  if (spoken?.common.id === id) return receipt;
  throw new RegistryError('proof_invalid', `The receipt is not the one of ${id}.`);
}

/** What is on record stays as it is, whatever is said of the same files now. */
function bodyOf({ originUrl, license, holder, collection }: DatasetView, now: DatasetBody): DatasetBody {
  const { party, nameCommitment } = holder;
  return { ...now, originUrl, license, holder: { party, nameCommitment }, collection };
}

/** Which of the facts are told differently now. */
function changedIn(before: Told, now: Told): string[] {
  const facts = ({ originUrl, license, holder, collection }: Told) => ({
    originUrl,
    license,
    // The salt is drawn anew each time; what counts is who is meant.
    holder: holder.party ?? { name: holder.name },
    collection,
  });
  const [was, is] = [facts(before), facts(now)];
  return (['originUrl', 'license', 'holder', 'collection'] as const).filter(
    (member) => !equalBytes(canonicalize(was[member]), canonicalize(is[member])),
  );
}

type Told = Pick<DatasetView, 'collection' | 'holder' | 'license' | 'originUrl'>;

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
export async function hashFolder(context: Context, folder: string): Promise<LocalFile[]> {
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

async function holderOf(client: Client, text: string) {
  try {
    const { id, name } = await findParty(client, text);
    return { name, holder: { party: id, nameCommitment: null }, disclosures: [] };
  } catch (error) {
    if (!(error instanceof RegistryError && error.code === 'not_found')) throw error;
    // Rights are often held by somebody who never heard of this registry: then the name goes beside the record.
    const disclosure = { value: text, salt: newNonce() };
    const nameCommitment = commit(sha256, disclosure.salt, disclosure.value);
    return { name: text, holder: { party: null, nameCommitment }, disclosures: [disclosure] };
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
