import { describe, expect, it } from '@jest/globals';
import { formatCheckpoint } from '../../../../src/core/note/checkpoint.ts';
import { openNote, signNote } from '../../../../src/core/note/note.ts';
import { stampedNote } from '../../../../src/core/time/index.ts';
import { party } from '../note/fixture.ts';

const ORIGIN = 'log.example/1';
const [present, next, witness] = [party(ORIGIN, 1), party(ORIGIN, 2), party('witness.example', 3)];
const text = formatCheckpoint({ origin: ORIGIN, size: 3, root: new Uint8Array(32).fill(7), extensions: [] });

describe('what an authority stamps of a checkpoint', () => {
  it('is the note with the log’s own signature, whoever else signed', async () => {
    const alone = await signNote(text, [present.signer]);
    expect(stampedNote(await signNote(text, [witness.signer, present.signer])).text).toBe(alone);
    expect(stampedNote(alone).text).toBe(alone);
  });

  it('is signed by both keys while one replaces the other, so that readers of either can open it', async () => {
    const stamped = stampedNote(await signNote(text, [present.signer, witness.signer, next.signer])).text;
    for (const { verifier } of [present, next]) expect((await openNote(stamped, [verifier])).text).toBe(text);
    await expect(openNote(stamped, [witness.verifier])).rejects.toMatchObject({ code: 'checkpoint_untrusted' });
  });

  it('is nothing of a checkpoint that its own log did not sign', async () => {
    const note = await signNote(text, [witness.signer]);
    expect(() => stampedNote(note)).toThrow(expect.objectContaining({ code: 'malformed_note' }));
  });
});
