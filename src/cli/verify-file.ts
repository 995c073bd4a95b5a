/** Receipts and proof files judged from disk, with the trust file alone and no network. */
import { fromUtf8 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { MapAnswer } from '../core/map/answer.ts';
import { leafHash, verifyInclusion } from '../core/merkle/tree.ts';
import { parseTlogProof } from '../core/note/tlog-proof.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { JudgedCheckpoint, JudgedTime } from '../core/trust/index.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import type { JudgedPossession } from './judge-possession.ts';
import { judgeOpening } from './judge-possession.ts';
import { judgeKeptMap, oldestOf, requireOneLog } from './judge-map.ts';
import { judgeTime } from './outside-time.ts';
import { readBytes } from './settings.ts';
import { checkReceiptsOffline, judgeCheckpoint } from './verify.ts';
import type { Possession } from './views.ts';
import { weakest } from './witnessed.ts';

export interface JudgedFile {
  verdict: JudgedCheckpoint['verdict'];
  witnessed: JudgedCheckpoint['witnessed'];
  origin: string;
  index: number;
  treeSize: number;
  /** Of a receipt: what the statement says it is. */
  kind?: string;
  id?: string;
  maker?: string;
  /** How many were in the file and hold, all of them; what else is told here is of the first. */
  receipts?: number;
  /** Outside time before which the record existed; null where the receipt shows none. */
  time?: JudgedTime | null;
  /** Of a look-up that found nothing: what no public registration names below the entry `asOf`. */
  absent?: Digest[];
  asOf?: number;
  /** What was sealed and is open, as its receipts say together. */
  opened?: JudgedPossession[];
}

/** @throws RegistryError `proof_invalid`, `signature_invalid`, `malformed_proof`, `checkpoint_untrusted`, `usage` */
export async function verifyFile(context: Context, file: string, entryFile: string | undefined): Promise<JudgedFile> {
  const text = fromUtf8(await readBytes(file));
  if (text.startsWith('c2sp.org/tlog-proof@v1\n')) return verifyProofFile(context, text, entryFile);
  const value = valueOf(text);
  const { absence } = membersOf(value);
  if (Array.isArray(absence)) return verifyAbsence(context, absence as MapAnswer[]);
  const receipts = receiptsOf(value);
  const receipt = receipts[0]!;
  const spoken = await checkReceiptsOffline(context, receipts);
  const spokenBy = new Map(receipts.map((each, i) => [each, spoken[i]!]));
  const opened = openingsIn(value).map((each) =>
    judgeOpening(
      each,
      listOf(each).map((one) => spokenBy.get(one)!),
    ),
  );
  const judged = await Promise.all(receipts.map(({ checkpoint }) => judgeCheckpoint(context, checkpoint)));
  const times = await Promise.all(receipts.map((each) => judgeTime(context, each)));
  const { origin, size } = judged[0]!;
  const { verdict, witnessed } = weakest(judged);
  return {
    verdict,
    witnessed,
    origin,
    index: receipt.index,
    treeSize: size,
    kind: receipt.kind,
    id: receipt.id,
    maker: spoken[0]!.common.maker,
    receipts: receipts.length,
    time: times[0]!,
    ...(opened.length === 0 ? {} : { opened }),
  };
}

async function verifyProofFile(context: Context, text: string, entryFile: string | undefined): Promise<JudgedFile> {
  if (entryFile === undefined) {
    throw new RegistryError('usage', 'A proof file says nothing without its entry.', {
      field: 'entry',
      fix: 'Name the entry with --entry.',
    });
  }
  const { index, proof, checkpoint: note } = parseTlogProof(text);
  const { verdict, witnessed, origin, size, root } = await judgeCheckpoint(context, note);
  verifyInclusion(sha256, { index, size, root, proof, leafHash: leafHash(sha256, await readBytes(entryFile)) });
  return { verdict, witnessed, origin, index, treeSize: size };
}

/** Every map in it must lack its digest; what is told is of the oldest one. */
async function verifyAbsence(context: Context, answers: readonly MapAnswer[]): Promise<JudgedFile> {
  const maps = await Promise.all(answers.map((answer) => judgeKeptMap(context, answer)));
  const oldest = oldestOf(maps);
  if (oldest === undefined) throw new RegistryError('malformed_proof', 'The file holds no proof of absence.');
  const present = maps.find(({ entries }) => entries.length > 0);
  if (present !== undefined) {
    throw new RegistryError('proof_invalid', `The map names ${present.digest}: entry ${present.entries[0]}.`);
  }
  const { origin, size: treeSize } = oldest.checkpoint;
  const checkpoints = maps.map(({ checkpoint }) => checkpoint);
  requireOneLog(checkpoints);
  const { verdict, witnessed } = weakest(checkpoints);
  return {
    verdict,
    witnessed,
    origin,
    index: oldest.index,
    treeSize,
    absent: maps.map(({ digest }) => digest),
    asOf: oldest.asOf,
  };
}

/** @throws RegistryError `malformed_proof` */
export const receiptsIn = (text: string): Receipt[] => receiptsOf(valueOf(text));

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RegistryError('malformed_proof', 'The file holds neither a receipt nor a proof.', { cause });
  }
}

/** The receipt itself, or what a command printed with the receipt in it, or a look-up or an opening with all of theirs. */
function receiptsOf(value: unknown): Receipt[] {
  const { matches, receipt } = membersOf(value);
  const opened: unknown[] = openingsIn(value).flatMap(listOf);
  const found = Array.isArray(matches)
    ? matches.flatMap((match) => {
        const { registration, run, datasets } = membersOf(membersOf(match)['receipts']);
        return [
          registration,
          ...(run === null ? [] : [run]),
          ...(Array.isArray(datasets) ? (datasets as unknown[]) : []),
        ];
      })
    : opened.length > 0
      ? []
      : [receipt ?? value];
  found.push(...opened);
  if (found.length === 0 || found.some((each) => typeof membersOf(each)['checkpoint'] !== 'string')) {
    throw new RegistryError('malformed_proof', 'The file holds no receipt.', {
      fix: 'Use the output of a command with --json.',
    });
  }
  return found as Receipt[];
}

/** Of a look-up all that it shows, of an opening the one. */
function openingsIn(value: unknown): Possession['receipts'][] {
  const { possessions, opened } = membersOf(value);
  const found: unknown[] = Array.isArray(possessions) ? possessions : opened === undefined ? [] : [opened];
  return found.map((each) => {
    const { sealed, opening, others } = membersOf(membersOf(each)['receipts']);
    return { sealed, opening, others: Array.isArray(others) ? (others as unknown[]) : [] } as Possession['receipts'];
  });
}

const listOf = ({ sealed, opening, others }: Possession['receipts']): Receipt[] => [sealed, opening, ...others];

const membersOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
