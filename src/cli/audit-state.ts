/**
 * How far an audit of the map has come, in a file that the next one goes on from: one line of JSON, then every naming of
 * a digest as `key ‖ u64be index`, 40 bytes each. It is the auditor's own; whoever may change it changes what the next
 * audit believes to have read, so it is refused when others can write it.
 */
import { open, rename, stat } from 'node:fs/promises';
import { z } from 'zod';
import { fromBase64, toBase64 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { HASH_SIZE } from '../core/merkle/tree.ts';
import { digest } from '../core/statement/statement.ts';

export const NAMING_BYTES = HASH_SIZE + 8;
const MAX_STATE = 2 ** 31;

/** A map as the registry put it on record. */
export interface ReadRoot {
  /** Of the statement */
  readonly index: number;
  readonly statement: Digest;
  readonly size: number;
  readonly logRoot: Digest;
  readonly root: Digest;
  readonly keys: number;
}

export interface AuditState {
  readonly origin: string;
  /** Entries that were read, and the subtrees of their tree */
  readonly size: number;
  readonly subtrees: readonly Uint8Array[];
  readonly publicStatements: number;
  readonly roots: readonly ReadRoot[];
  /** In log order */
  readonly namings: Uint8Array;
}

const count = z.int().nonnegative();
const headSchema = z.strictObject({
  version: z.literal(1),
  origin: z.string().max(300),
  size: count,
  subtrees: z.array(z.string().length(44)).max(53),
  publicStatements: count,
  roots: z.array(
    z.strictObject({ index: count, statement: digest, size: count, logRoot: digest, root: digest, keys: count }),
  ),
  namings: count,
});

/** Replaces the file in one step. */
export async function writeAuditState(path: string, state: AuditState): Promise<void> {
  const { namings, subtrees, ...rest } = state;
  const head = { version: 1, ...rest, subtrees: subtrees.map(toBase64), namings: namings.length / NAMING_BYTES };
  const draft = `${path}.${process.pid}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(head)}\n`);
    await file.writeFile(namings);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** The exact inverse of `writeAuditState`. @throws RegistryError `unreachable`, `configuration_invalid` */
export async function readAuditState(path: string): Promise<AuditState> {
  const bytes = await read(path);
  const end = bytes.indexOf(0x0a);
  let value: unknown;
  try {
    value = JSON.parse(bytes.subarray(0, Math.max(end, 0)).toString('utf8'));
  } catch (cause) {
    throw damaged(path, cause);
  }
  const parsed = headSchema.safeParse(value);
  if (!parsed.success) throw damaged(path, parsed.error);
  const { origin, size, subtrees, publicStatements, roots, namings: many } = parsed.data;
  const namings = new Uint8Array(bytes.subarray(end + 1));
  if (namings.length !== many * NAMING_BYTES) throw damaged(path);
  return { origin, size, subtrees: subtrees.map(fromBase64), publicStatements, roots, namings };
}

async function read(path: string): Promise<Buffer> {
  try {
    const { mode, size } = await stat(path);
    if (process.platform !== 'win32' && (mode & 0o022) !== 0) {
      throw new RegistryError('configuration_invalid', `The file "${path}" can be changed by others.`, {
        fix: `Run: chmod go-w "${path}"`,
      });
    }
    if (size > MAX_STATE) throw damaged(path);
    const file = await open(path, 'r');
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('unreachable', `The file "${path}" cannot be read.`, { cause });
  }
}

const damaged = (path: string, cause?: unknown): RegistryError =>
  new RegistryError('configuration_invalid', `The file "${path}" holds no audit to go on from.`, {
    fix: 'Audit from the beginning: leave --from out.',
    cause,
  });
