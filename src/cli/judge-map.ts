/**
 * The map's answer about a digest, asked for and judged before anybody believes it. A registry that shows an old map may
 * hide what was registered since, so the newest one seen is kept, and a server gets a little time to show one as new.
 */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { MapAnswer } from '../core/map/answer.ts';
import type { JudgedCheckpoint, JudgedMap } from '../core/trust/index.ts';
import { judgeMapAge, verifyMapAnswer } from '../core/trust/index.ts';
import { sha256, verifyEd25519, verifyP256 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import type { JudgedPossession } from './judge-possession.ts';
import type { JudgedMatch } from './judge-provenance.ts';
import { keepMap, keptMap } from './kept-maps.ts';
import { trustOf } from './trust-store.ts';
import { holdAgainstKept, judgeOrPin } from './verify.ts';

const CRYPTO = { sha256, verifyEd25519, verifyP256 };

export interface AskedMap {
  digest: Digest;
  /** Undefined where the registry has no map to prove from */
  answer: MapAnswer | undefined;
}

/** @returns undefined where the registry has no map to prove from */
export async function askMap(client: Client, digest: Digest): Promise<MapAnswer | undefined> {
  try {
    return await client.get<MapAnswer>(`/v1/map/${digest}`);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/**
 * @throws RegistryError `proof_invalid`, `malformed_proof`, `signature_invalid`, `checkpoint_untrusted`,
 * `checkpoint_rolled_back` for a log or a map that is older than one seen before
 */
export async function judgeMap(
  context: Context,
  client: Client,
  digest: Digest,
  answer: MapAnswer,
): Promise<JudgedMap> {
  const { home } = await context.settings();
  // At first use this may pin the log's key, by which the rest is then judged.
  if (typeof answer.receipt?.checkpoint === 'string') await judgeOrPin(context, client, answer.receipt.checkpoint);
  const trust = await trustOf(context);
  const map = await verifyMapAnswer(CRYPTO, answer, digest, trust);
  const { origin } = map.checkpoint;
  await holdAgainstKept(context, client, map.checkpoint);
  const seen = await keptMap(home, origin);
  const maxAgeSeconds = trust.logs.find((log) => log.origin === origin)?.maxMapAgeSeconds;
  judgeMapAge(map, { seen, maxAgeSeconds, now: new Date() });
  if (seen === undefined || map.index > seen) await keepMap(home, origin, map.index);
  return map;
}

/** A map's answer that was kept, judged without a network. @throws RegistryError as `verifyMapAnswer` */
export async function judgeKeptMap(context: Context, answer: MapAnswer): Promise<JudgedMap> {
  return verifyMapAnswer(CRYPTO, answer, answer.digest, await trustOf(context));
}

/** What several maps say together, they say as of the oldest. */
export const oldestOf = (maps: readonly JudgedMap[]): JudgedMap | undefined =>
  maps.reduce<JudgedMap | undefined>((least, map) => (least && least.asOf <= map.asOf ? least : map), undefined);

/** The most registrations that a look-up shows, the first ones; and the most possessions, those that were sealed first. */
const SHOWN = 100;

/**
 * Nobody hides one of several records: what the map names, the look-up showed as far as it goes, and what it showed, the
 * map names.
 * @param shown by the registry for the digest, asked after the map
 * @returns whether it showed all that the map names
 * @throws RegistryError `proof_invalid`
 */
export function requireComplete(
  { digest, entries, asOf }: JudgedMap,
  { matches, possessions }: { matches: readonly JudgedMatch[]; possessions: readonly JudgedPossession[] },
): boolean {
  const shown = new Set([...matches.map(({ index }) => index), ...possessions.map(({ openedIndex }) => openedIndex)]);
  const hidden = entries.filter((index) => !shown.has(index));
  // Of what is not shown, nobody can tell whether it is a registration or one possession too many.
  if (possessions.length < SHOWN) {
    const until = matches.length < SHOWN ? Infinity : matches.at(-1)!.index;
    const [first] = hidden;
    if (first !== undefined && first < until) {
      throw invalid(`The registry hides entry ${first}, which speaks of ${digest} as its own map says.`);
    }
  }
  const named = new Set(entries);
  const unnamed = [...shown].find((index) => index < asOf && !named.has(index));
  if (unnamed !== undefined) {
    throw invalid(`The registry's map leaves out entry ${unnamed}, which speaks of ${digest}.`);
  }
  return hidden.length === 0;
}

/** What another log says of a digest proves nothing about this one. @throws RegistryError `proof_invalid` */
export function requireOneLog([first, ...others]: readonly Pick<JudgedCheckpoint, 'origin'>[]): void {
  if (others.some(({ origin }) => origin !== first?.origin)) throw invalid('The answers come from different logs.');
}

const invalid = (sentence: string): RegistryError =>
  new RegistryError('proof_invalid', sentence, { fix: 'Do not rely on this answer; keep it as evidence.' });
