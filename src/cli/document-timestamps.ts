/**
 * Outside timestamps over documents: handed in to the registry, which puts on record what it verified, and judged here by
 * the roots in the reader's own trust file, whatever the registry says.
 */
import { fromBase64, toBase64 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { parseDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { DocumentTimestampBody } from '../core/registry/document-timestamp.ts';
import { MAX_TIMESTAMP } from '../core/registry/document-timestamp.ts';
import { documentTimestamp } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { verifyTimestamp } from '../core/time/index.ts';
import { newId, timestampCrypto } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { digestOfFile } from './seal.ts';
import { readBytes } from './settings.ts';
import { trustOf } from './trust-store.ts';
import { checkReceipts } from './verify.ts';

export type Recorded = DocumentTimestampBody & { id: string; receipt: Receipt };

/** @param reply file of the authority's reply (`.tsr`) @throws RegistryError as the registry refuses; `proof_invalid` */
export async function recordTimestamp(context: Context, documentDigest: Digest, reply: string): Promise<Recorded> {
  const bytes = await readBytes(reply);
  if (bytes.length > MAX_TIMESTAMP) {
    throw new RegistryError('timestamp_invalid', `"${reply}" is larger than ${MAX_TIMESTAMP} bytes.`, {
      field: 'timestamp',
    });
  }
  const { client } = await context.session();
  const id = newId(documentTimestamp.kind.replaceAll('-', ''));
  const timestamp = toBase64(bytes);
  const receipt = await client.post<Receipt>('/v1/document-timestamps', { id, documentDigest, timestamp });
  const [spoken] = await checkReceipts(context, [receipt]);
  if (spoken?.kind.kind === documentTimestamp.kind && spoken.common.id === id) {
    const body = spoken.body as DocumentTimestampBody;
    if (body.documentDigest === documentDigest && body.timestamp === timestamp) return { id, ...body, receipt };
  }
  throw new RegistryError('proof_invalid', 'The receipt is for another record than the one that was sent.');
}

export interface JudgedTimestamp {
  id: string;
  documentDigest: Digest;
  existedBefore: string;
  authority: string;
  /** Whether a root in the reader's trust file vouches for the authority; without roots nobody does */
  trusted: boolean;
  firstAfter: number;
  receipt: Receipt;
}

/**
 * Judges a recorded timestamp again: the record by its receipt, the reply by itself and by the reader's own roots.
 * @param document file that it has to be over; without, it is judged over the digest that it names
 * @throws RegistryError `timestamp_invalid`, `digest_mismatch`, `proof_invalid`
 */
export async function judgeDocumentTimestamp(
  context: Context,
  id: string,
  document: string | undefined,
): Promise<JudgedTimestamp> {
  const client = await context.client();
  const { statement } = await client.get<{ statement: Digest }>(`/v1/document-timestamps/${encodeURIComponent(id)}`);
  const receipt = await client.get<Receipt>(`/v1/receipts/${statement}`);
  const [spoken] = await checkReceipts(context, [receipt]);
  if (spoken?.kind.kind !== documentTimestamp.kind || spoken.common.id !== id) {
    throw new RegistryError('proof_invalid', 'The receipt is for another record than the timestamp.');
  }
  const { documentDigest, timestamp, time, firstAfter } = spoken.body as DocumentTimestampBody;
  if (document !== undefined && (await digestOfFile(document)) !== documentDigest) {
    throw new RegistryError('digest_mismatch', `The timestamp is over another document than "${document}".`, {
      field: 'document',
    });
  }
  const reply = fromBase64(timestamp);
  const data = { sha256: parseDigest(documentDigest) };
  const told = verifyTimestamp(timestampCrypto, reply, { data, roots: undefined });
  if (told.time.toISOString() !== time) {
    throw new RegistryError('proof_invalid', `The record says ${time}, and the authority ${told.time.toISOString()}.`, {
      field: 'time',
    });
  }
  const { tsaRoots = [] } = await trustOf(context);
  const trusted = tsaRoots.length > 0 && vouchedFor();
  return { id, documentDigest, existedBefore: time, authority: told.authority, trusted, firstAfter, receipt };

  function vouchedFor(): boolean {
    try {
      verifyTimestamp(timestampCrypto, reply, { data, roots: tsaRoots });
      return true;
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'timestamp_invalid') return false;
      throw error;
    }
  }
}
