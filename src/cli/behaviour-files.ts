/**
 * The files that go from hand to hand: the challenges, as a NumPy array that a program in any language reads, and what
 * models answered to them. They come from strangers, so they are bounded before they are read.
 */
import { stat } from 'node:fs/promises';
import type { AnswersDocument } from '../core/behaviour/answers.ts';
import { parseAnswersCsv, readAnswers } from '../core/behaviour/answers.ts';
import type { Pictures } from '../core/behaviour/challenges.ts';
import { MAX_CHALLENGES, MIN_CHALLENGES } from '../core/behaviour/challenges.ts';
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { bytesSource } from '../core/weights/byte-source.ts';
import { readNpyHeader } from '../core/weights/npy.ts';
import type { Order } from '../core/weights/strided.ts';
import { packedStrides } from '../core/weights/strided.ts';
import { sha256 } from '../platform/crypto.ts';
import { readBytes } from './settings.ts';

/** Of answers: 1,000,000 probabilities as text, and of a hundred references of that size. */
const MAX_ANSWERS_BYTES = 32 * 2 ** 20;
const MAX_REFERENCES_BYTES = 1024 * 2 ** 20;
const MAX_SIDE = 4096;

/** By which answers name the challenges that they answer. */
export const digestOfChallenges = ({ pixels }: Pictures): Digest => formatDigest(sha256(pixels));

/** An array `[challenges][height][width]` of unsigned bytes, NumPy format 1.0. */
export function challengesFile({ count, height, width, pixels }: Pictures): Uint8Array {
  const dictionary = `{'descr': '|u1', 'fortran_order': False, 'shape': (${count}, ${height}, ${width}), }`;
  // Magic, version, length and dictionary fill a multiple of 64 bytes, the last of which ends the line.
  const padded = dictionary.padEnd(Math.ceil((dictionary.length + 11) / 64) * 64 - 11);
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 0, 0]);
  start.writeUInt16LE(padded.length + 1, 8);
  return Buffer.concat([start, Buffer.from(`${padded}\n`), pixels]);
}

/** @throws RegistryError `unreachable`, `malformed_container`, `invalid_input` for an array of anything else */
export async function readChallenges(path: string): Promise<Pictures> {
  const bytes = await readBounded(path, MAX_CHALLENGES * MAX_SIDE * MAX_SIDE);
  const { dtype, shape, order, dataOffset } = await readNpyHeader(bytesSource(bytes), 0, bytes.length, '');
  const [count = 0, height = 0, width = 0] = shape;
  const fits = dtype === 'U8' && shape.length === 3 && count >= MIN_CHALLENGES && count <= MAX_CHALLENGES;
  if (fits && height <= MAX_SIDE && width <= MAX_SIDE) {
    requireRows(order, shape, path);
    return { count, height, width, pixels: bytes.subarray(dataOffset) };
  }
  throw new RegistryError('invalid_input', `The file "${path}" holds ${dtype} [${shape.join(', ')}], no challenges.`, {
    field: 'challenges',
    fix: 'Use the file that "muniment behaviour challenges" wrote.',
  });
}

/** @throws RegistryError `invalid_input` for what NumPy calls Fortran's order, in which the bytes are other pictures */
function requireRows({ strides }: Order, shape: readonly number[], path: string): void {
  const rows = packedStrides(shape, false);
  if (strides.every((stride, i) => stride === rows[i])) return;
  throw new RegistryError('invalid_input', `The file "${path}" holds its challenges in the order of Fortran.`, {
    field: 'challenges',
    fix: 'Write them with numpy.ascontiguousarray, or use the file that "muniment behaviour challenges" wrote.',
  });
}

/**
 * Answers as JSON, or as CSV with a line for each of the challenges that `to` names.
 * @throws RegistryError `unreachable`, `payload_too_large`, `invalid_input`
 */
export async function readAnswersFile(
  path: string,
  to: { challenges: Digest; classes: number },
): Promise<AnswersDocument> {
  const text = (await readBounded(path, MAX_ANSWERS_BYTES)).toString('utf8');
  return text.trimStart().startsWith('{')
    ? readAnswers(parseJson(text, path))
    : parseAnswersCsv(text, to.challenges, to.classes);
}

/** JSON lines: the answers of one reference on each. Empty where there is no such file. */
export async function readReferences(path: string): Promise<AnswersDocument[]> {
  const text = (await readBounded(path, MAX_REFERENCES_BYTES)).toString('utf8').trimEnd();
  if (text === '') return [];
  return text.split('\n').map((line, i) => {
    try {
      return readAnswers(parseJson(line, path));
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      throw new RegistryError(error.code, `Line ${i + 1} of "${path}": ${error.message}`, { field: 'references' });
    }
  });
}

export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RegistryError('invalid_input', `The file "${path}" is not JSON.`, { cause });
  }
}

async function readBounded(path: string, most: number): Promise<Buffer> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new RegistryError('unreachable', `The file "${path}" cannot be read.`, { cause });
  });
  if (size <= most) return readBytes(path);
  throw new RegistryError('payload_too_large', `The file "${path}" has ${size} bytes; no more than ${most} are read.`);
}
