/**
 * Who knows the challenges beforehand answers them as the model would not, or teaches a copy to. So they stay secret, and
 * yet nobody can choose them: the owner commits to a secret, then the registry draws a value, and the seed follows from
 * both. The owner, who does not know the value, cannot pick a secret for it; the registry, which does not know the
 * secret, cannot pick a value for that.
 *
 * The answers are committed to with the same secret: 256 random bits, so that a commitment tells nothing of what is in it.
 * All of it is opened together, in a dispute, with this one document.
 */
import { z } from 'zod';
import { concat, fromHex, utf8 } from '../bytes.ts';
import { canonicalize } from '../canonical-json.ts';
import type { Digest, Sha256 } from '../digest.ts';
import { formatDigest } from '../digest.ts';
import { id } from '../statement/statement.ts';
import { answersSchema } from './answers.ts';
import type { AnswersDocument } from './answers.ts';

/** 32 bytes in hex, of which one is drawn by the owner and one by the registry. */
export const drawn = z.string().regex(/^[0-9a-f]{64}$/, 'must be 256 random bits in hex');

/** What opens a behaviour on record: its secret, and the answers. */
export const openingSchema = z.strictObject({
  origin: z.string().max(200).describe('The log in which it stands'),
  registration: id('registration'),
  secret: drawn,
  answers: answersSchema,
});
export type BehaviourOpening = Omit<z.infer<typeof openingSchema>, 'answers'> & { answers: AnswersDocument };

/** `SHA256("muniment behaviour secret v1\n" ‖ secret)` */
export const commitSecret = (sha256: Sha256, secret: string): Digest =>
  formatDigest(sha256(utf8('muniment behaviour secret v1\n'), fromHex(secret)));

/** `SHA256("muniment behaviour seed v1\n" ‖ secret ‖ value)` */
export const seedOf = (sha256: Sha256, secret: string, value: string): Uint8Array =>
  sha256(utf8('muniment behaviour seed v1\n'), fromHex(secret), fromHex(value));

/** `SHA256("muniment behaviour answers v1\n" ‖ secret ‖ answers)`, the answers in canonical JSON */
export const commitAnswers = (sha256: Sha256, secret: string, answers: AnswersDocument): Digest =>
  formatDigest(sha256(concat(utf8('muniment behaviour answers v1\n'), fromHex(secret), canonicalize(answers))));
