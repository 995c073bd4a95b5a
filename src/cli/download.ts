/**
 * A file from the registry: gone on with where a transfer broke off, and left in its place only if it is the one that is
 * on record. Until then it stands beside it as `.part`, which an interruption leaves there.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { progressBar } from './progress.ts';

export interface Wanted {
  readonly path: string;
  /** Where to */
  readonly out: string;
  readonly digest: Digest;
  readonly bytes: number;
  /** Headers that are good for one request, made anew for each */
  readonly proofs?: () => Promise<Record<string, string>>;
}

/**
 * @returns how many bytes were there from before
 * @throws RegistryError `digest_mismatch` when other bytes come than those on record, which are not left behind;
 *   `unreachable` or `cancelled` when the transfer broke off, which the next call goes on with
 */
export async function download(context: Context, client: Client, wanted: Wanted): Promise<{ resumedAt: number }> {
  const draft = `${wanted.out}.part`;
  const had = await hashOf(draft);
  const resumedAt = had.bytes < wanted.bytes ? await receive(context, client, wanted, draft, had) : had.bytes;
  if (formatDigest(had.hash.digest()) !== wanted.digest) {
    await rm(draft, { force: true });
    throw new RegistryError('digest_mismatch', 'The file that came is not the one on record.', {
      fix: 'Try again; if it stays so, tell the registrar.',
    });
  }
  await rename(draft, wanted.out);
  return { resumedAt };
}

/** What of a file is here already. */
interface Had {
  hash: Hash;
  bytes: number;
}

async function hashOf(path: string): Promise<Had> {
  const had = { hash: createHash('sha256'), bytes: 0 };
  const isThere = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (isThere) for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) take(had, piece);
  return had;
}

function take(had: Had, piece: Uint8Array): void {
  had.hash.update(piece);
  had.bytes += piece.length;
}

async function receive(
  context: Context,
  client: Client,
  { path, digest, bytes, proofs }: Wanted,
  draft: string,
  had: Had,
): Promise<number> {
  const stop = new AbortController();
  const release = context.io.onInterrupt(() => stop.abort());
  const bar = await progressBar(context.io, 'Fetching {bar} {percentage} %  {eta_formatted} left', bytes);
  try {
    const headers = {
      ...(await proofs?.()),
      ...(had.bytes === 0 ? {} : { range: `bytes=${had.bytes}-`, 'if-range': `"${digest}"` }),
    };
    const response = await client.open(path, stop.signal, headers);
    // Whoever knows no ranges sends the whole.
    if (!(response.headers.get('content-range') ?? '').startsWith(`bytes ${had.bytes}-`)) {
      Object.assign(had, { hash: createHash('sha256'), bytes: 0 });
    }
    const resumedAt = had.bytes;
    await pipeline(
      Readable.fromWeb(response.body),
      async function* (pieces: AsyncIterable<Uint8Array>) {
        for await (const piece of pieces) {
          take(had, piece);
          if (had.bytes > bytes) return;
          bar.update(had.bytes);
          yield piece;
        }
      },
      createWriteStream(draft, { flags: resumedAt === 0 ? 'w' : 'a' }),
    );
    return resumedAt;
  } catch (cause) {
    const { code, path: file } = cause as NodeJS.ErrnoException;
    if (cause instanceof RegistryError || file !== undefined) throw cause;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new RegistryError('storage_full', `There is no room left for "${draft}".`, {
        fix: 'Make room, then give the same command again: it goes on from there.',
        cause,
      });
    }
    throw new RegistryError(
      stop.signal.aborted ? 'cancelled' : 'unreachable',
      `The transfer broke off after ${had.bytes} of ${bytes} bytes.`,
      { fix: 'Give the same command again: it goes on from there.', cause },
    );
  } finally {
    bar.stop();
    release();
  }
}
