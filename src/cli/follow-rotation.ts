/**
 * A log whose pinned key signs no more. If the next key was announced in the log under the pinned one, and the pinned one
 * retired under the next, the reader follows, says so, and keeps the former key for what it signed before: so receipts
 * that are older than the change go on to verify. Each step is proved under the key that is trusted before it.
 */
import { z } from 'zod';
import type { LogKeyBody, LogKeyRetirementBody } from '../core/registry/log-key.ts';
import { logKey, logKeyRetirement } from '../core/registry/log-key.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import { RegistryError } from '../core/errors.ts';
import type { Trust } from '../core/trust/index.ts';
import { formatTrust, NO_TRUST, PROVED, addTrust, replaceKey, verifyReceiptAgainst } from '../core/trust/index.ts';
import { sha256, verifyEd25519, verifyP256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { writePrivate } from './profile.ts';
import { trustOf } from './trust-store.ts';

const CRYPTO = { sha256, verifyEd25519, verifyP256 };

const logKeysSchema = z.array(
  z.looseObject({ verifierKey: z.string(), receipt: receiptSchema, retirement: receiptSchema.nullable() }),
);
type LogKeyView = z.infer<typeof logKeysSchema>[number];

/**
 * @returns whether the trust file holds a newer key now
 * @throws RegistryError when what the server shows of the change does not hold
 */
export async function followRotation(context: Context, client: Client, origin: string): Promise<boolean> {
  const { trustFile } = await context.settings();
  const before = await trustOf(context);
  const shown = logKeysSchema.safeParse(await orNothing(client.get<unknown>('/v1/log-keys')));
  if (!shown.success) return false;
  const keys = shown.data;
  let trust = before;
  for (let followed: Trust | undefined = trust; followed !== undefined;) {
    trust = followed;
    followed = await step(trust, origin, keys);
  }
  if (trust === before) return false;
  await writePrivate(trustFile, formatTrust(trust));
  const now = trust.logs.find((log) => log.origin === origin)!.verifierKey;
  context.note(
    `The log "${origin}" has replaced its key. The new one is recorded under the one that you trusted, and is accepted ` +
      `from now on:\n\n  ${now}\n`,
  );
  return true;
}

/** A server of another kind has no such list; then there is nothing to follow. */
async function orNothing(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** @returns the trust file after the next change of keys; undefined when there is none to follow */
async function step(trust: Trust, origin: string, keys: readonly LogKeyView[]): Promise<Trust | undefined> {
  const pinned = trust.logs.find((log) => log.origin === origin)?.verifierKey;
  const retirement = keys.find(({ verifierKey }) => verifierKey === pinned)?.retirement;
  if (pinned === undefined || retirement === undefined || retirement === null) return undefined;
  for (const { verifierKey, receipt } of keys) {
    const announced = await proved<LogKeyBody>(receipt, trust, logKey.kind, (body) => body.replaces === pinned);
    if (announced?.verifierKey !== verifierKey) continue;
    const next = addTrust(sha256, NO_TRUST, verifierKey);
    const retired = await proved<LogKeyRetirementBody>(
      retirement,
      next,
      logKeyRetirement.kind,
      (body) => body.verifierKey === pinned,
    );
    if (retired !== undefined) return replaceKey(sha256, trust, origin, verifierKey, retirement.index);
  }
  return undefined;
}

/** The body of the statement, where the receipt is proved under `trust` and says what is asked. */
async function proved<Body>(
  receipt: Receipt,
  trust: Trust,
  kind: string,
  says: (body: Body) => boolean,
): Promise<Body | undefined> {
  if (receipt.kind !== kind) return undefined;
  const { spoken, checkpoint } = await verifyReceiptAgainst(CRYPTO, receipt, trust);
  const { kind: found, body } = spoken as Spoken<Body>;
  return checkpoint.verdict === PROVED && found.kind === kind && says(body) ? body : undefined;
}
