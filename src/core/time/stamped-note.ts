/**
 * What the outside time of a checkpoint is over: the signed note with the log's own signature line alone (two while a key
 * is being replaced, so that readers of either can use it), byte for byte.
 * Without the text a signature could fit many; with the cosignatures, which come later and in any number, the same
 * checkpoint would have many texts.
 */
import { utf8 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import { parseCheckpoint } from '../note/checkpoint.ts';
import { formatNote, parseNote } from '../note/note.ts';

/** @param note a signed checkpoint, with any signatures @throws RegistryError `malformed_note` */
export function stampedNote(note: string): { text: string; bytes: Uint8Array } {
  const { text, signatures } = parseNote(note);
  const { origin } = parseCheckpoint(text);
  const own = signatures.filter(({ name }) => name === origin);
  if (own.length === 0) throw new RegistryError('malformed_note', 'The checkpoint is not signed by its own log.');
  const stamped = formatNote(text, own);
  return { text: stamped, bytes: utf8(stamped) };
}
