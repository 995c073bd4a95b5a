/**
 * The files that alone can open what was sealed: salts and all that they hide, one file for each sealed record, mode 0600.
 * Nobody else has the salts, the registry included, so a file is on disk before anything is sent, and it stays when the
 * sending fails. A file that was lost or changed is told as such before anything goes on record.
 */
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { salt, sealCommitment, secretShape } from '../core/registry/sealed.ts';
import { TITLE_LEAVES, TITLE_SHAPE, titleCommitment } from '../core/registry/sealed-title.ts';
import { digest, id } from '../core/statement/statement.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context, Session } from './context.ts';
import { readPrivate, writeNew } from './profile.ts';

const names = { origin: z.string(), maker: id('party'), sealed: id('sealed'), commitment: digest };
const digestSecretSchema = z.strictObject({ ...names, ...secretShape });
const titleSecretSchema = z.strictObject({
  ...names,
  subject: z.literal('title'),
  salts: z.array(salt).length(TITLE_LEAVES),
  values: z.strictObject(TITLE_SHAPE).partial(),
});
const secretSchema = z.union([digestSecretSchema, titleSecretSchema]);

export type DigestSecret = z.infer<typeof digestSecretSchema>;
export type TitleSecretFile = z.infer<typeof titleSecretSchema>;
export type Secret = DigestSecret | TitleSecretFile;

/** @returns the file */
export async function keepSecret(context: Context, secret: Secret): Promise<string> {
  const file = await fileOf(context, secret.sealed);
  await writeNew(file, `${JSON.stringify(secret, null, 2)}\n`);
  return file;
}

/**
 * @param sealed id of a sealed record, or the file with its secret
 * @throws RegistryError `unreachable` where there is no such file, `invalid_input`, `digest_mismatch` for a changed one,
 * `forbidden` for one of another party or log
 */
export async function secretOf(context: Context, session: Session, sealed: string): Promise<Secret> {
  const file = /^sealed_[0-9a-z]{26}$/.test(sealed) ? await fileOf(context, sealed) : resolve(sealed);
  const secret = await readSecret(file);
  if (secret.origin !== session.log.origin || secret.maker !== session.me.party.id) {
    throw new RegistryError('forbidden', `"${file}" opens what ${secret.maker} sealed in the log ${secret.origin}.`, {
      fix: 'Act as that party at that registry.',
    });
  }
  if (commitmentIn(secret) === secret.commitment) return secret;
  throw new RegistryError('digest_mismatch', `The file "${file}" was changed: it no longer opens what was sealed.`, {
    fix: 'Restore it as it was written.',
  });
}

const commitmentIn = (secret: Secret): Digest =>
  secret.subject === 'title' ? titleCommitment(sha256, secret, secret) : sealCommitment(sha256, secret, secret);

async function readSecret(file: string): Promise<Secret> {
  const text = await readPrivate(file);
  if (text === undefined) {
    throw new RegistryError('unreachable', `There is no file "${file}", and without it nobody can open the record.`, {
      field: 'sealed',
      fix: 'Restore it from a backup, or name the file that was written when the record was sealed.',
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RegistryError('invalid_input', `The file "${file}" is not JSON.`, { cause });
  }
  const read = secretSchema.safeParse(value);
  if (read.success) return read.data;
  throw new RegistryError('invalid_input', `The file "${file}" opens nothing.`, { cause: read.error });
}

async function fileOf(context: Context, sealed: string): Promise<string> {
  const { home } = await context.settings();
  return join(home, 'sealed', `${sealed}.json`);
}
