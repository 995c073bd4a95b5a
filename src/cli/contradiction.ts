/** What a log shows against what it signed before: both notes are kept in one file, and the error says in which. */
import { RegistryError } from '../core/errors.ts';
import { parseCheckpoint } from '../core/note/checkpoint.ts';
import { parseNote } from '../core/note/note.ts';
import { keepEvidence } from './kept-checkpoints.ts';

export class Contradiction extends RegistryError {
  constructor(
    { code, message, cause }: RegistryError,
    readonly evidence: string,
  ) {
    super(code, message, {
      fix: `Both signed states are kept in ${evidence}: ask the registrar, and show them.`,
      cause,
    });
  }
}

/** @param kept and `shown`: the two signed notes, verbatim */
export async function contradiction(
  home: string,
  kept: string,
  shown: string,
  error: RegistryError,
): Promise<Contradiction> {
  const { origin } = parseCheckpoint(parseNote(kept).text);
  const at = new Date().toISOString();
  return new Contradiction(
    error,
    await keepEvidence(home, { code: error.code, found: error.message, origin, at, kept, shown }),
  );
}
