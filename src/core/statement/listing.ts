/**
 * Statements in log order, as a monitor reads them: the entry of each, and of a public one the statement behind it. What
 * a server lists is held against the log's own entries; it may call a statement hidden that is not, never show another.
 */
import { z } from 'zod';
import { equalBytes, fromBase64 } from '../bytes.ts';
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { Spoken } from '../registry/kind.ts';
import type { VerifyP256 } from '../registry/spoken.ts';
import { verifySpoken } from '../registry/spoken.ts';
import type { Signed } from './dsse.ts';
import { envelopeSchema, parseEnvelope } from './dsse.ts';
import { entryOf } from './receipt.ts';

/** Statements in one answer; a bundle of entries holds as many. */
export const MAX_LISTED = 256;

export const listedStatementSchema = z
  .strictObject({
    index: z.int().nonnegative(),
    visibility: z.enum(['public', 'hidden']),
    entry: z.string().max(100_000).describe('What stands in the log, base64'),
    envelope: envelopeSchema.optional().describe('Of a public statement'),
    publicKey: z.string().max(200).optional().describe('Of its signer (SPKI, DER, base64)'),
  })
  .meta({ id: 'ListedStatement' });

export const statementListSchema = z
  .strictObject({
    statements: z.array(listedStatementSchema).max(MAX_LISTED),
    treeSize: z.int().nonnegative().describe('Entries in the newest published tree'),
  })
  .meta({ id: 'StatementList', description: 'Statements in log order' });

export type ListedStatement = z.infer<typeof listedStatementSchema>;
export type StatementList = z.infer<typeof statementListSchema>;

/** @throws RegistryError `signature_invalid`, `malformed_statement`, `malformed_json` */
export type ReadListed = () => Promise<Spoken>;

/**
 * Holds a listed statement against the entry that the tree was shown to hold at its index.
 * @returns the signed bytes that the entry commits to, and how to read them; undefined for a hidden statement
 * @throws RegistryError `proof_invalid` when the server lists something else than the log holds
 */
export function holdListed(
  { sha256, verifyP256 }: { sha256: Sha256; verifyP256: VerifyP256 },
  listed: ListedStatement,
  { index, entry, origin }: { index: number; entry: Uint8Array; origin: string },
): { signed: Signed; read: ReadListed } | undefined {
  if (listed.index !== index || !equalBytes(fromBase64(listed.entry), entry)) {
    throw lied(`The server lists another entry ${index} than the log holds.`);
  }
  if (listed.visibility === 'hidden') return undefined;
  const { envelope, publicKey } = listed;
  if (envelope === undefined || publicKey === undefined) throw lied(`The server left statement ${index} out.`);
  const signed = parseEnvelope(envelope);
  if (!equalBytes(entryOf(sha256, signed.payload, signed.signature, fromBase64(publicKey)), entry)) {
    throw lied(`The server shows another statement ${index} than the log has committed to.`);
  }
  const read = async (): Promise<Spoken> => {
    const spoken = await verifySpoken(sha256, verifyP256, signed, publicKey);
    if (spoken.common.origin === origin) return spoken;
    throw lied(`Statement ${index} was made for the log "${spoken.common.origin}", and stands in "${origin}".`);
  };
  return { signed, read };
}

const lied = (sentence: string): RegistryError =>
  new RegistryError('proof_invalid', sentence, { fix: 'Do not rely on this server; keep its answer as evidence.' });
