/**
 * A registry that shows a new log where the reader trusts an old one. The new log's first entry may name the old one:
 * then that is what the reader is told, and not merely that a stranger answered.
 */
import { RegistryError } from '../core/errors.ts';
import { parseCheckpoint } from '../core/note/checkpoint.ts';
import { parseNote } from '../core/note/note.ts';
import type { JudgedCheckpoint } from '../core/trust/index.ts';
import { judgeSuccession, SUCCEEDED } from '../core/trust/index.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { readFirst } from './first-entry.ts';
import { keptCheckpoint } from './kept-checkpoints.ts';
import { trustOf } from './trust-store.ts';
import { contradiction } from './contradiction.ts';

const WORTH = {
  same: 'It names the very state that you have seen last.',
  later: 'It names a later state than the one that you have seen; only the old log could show that it is its own.',
  unseen: 'You have kept no state of the old log to compare.',
};

/**
 * @param judged a checkpoint of a log without a pinned key
 * @returns the same with the verdict that it follows a log that is pinned, where it says so
 * @throws Contradiction when it names an older or another state of that log than was seen
 */
export async function judgeSuccessor(
  context: Context,
  client: Client,
  judged: JudgedCheckpoint,
): Promise<JudgedCheckpoint> {
  const { home } = await context.settings();
  const { logs } = await trustOf(context);
  if (logs.length === 0) return judged;
  const { previous } = (await readFirst(client, judged)).body;
  if (previous === null || !logs.some(({ origin }) => origin === previous.origin)) return judged;
  const note = await keptCheckpoint(home, previous.origin);
  const kept = note === undefined ? undefined : parseCheckpoint(parseNote(note).text);
  try {
    const worth = judgeSuccession(judged.origin, previous, kept);
    context.note(
      `This registry has begun a new log, "${judged.origin}", whose first entry names the log that you trust, ` +
        `"${previous.origin}", at ${previous.size} entries, as the one that it follows. ${WORTH[worth]} ` +
        'That does not prove whose it is: compare its key with what the registrar published elsewhere.',
    );
  } catch (error) {
    if (!(error instanceof RegistryError && note !== undefined)) throw error;
    throw await contradiction(home, note, judged.note, error);
  }
  return { ...judged, verdict: SUCCEEDED };
}
