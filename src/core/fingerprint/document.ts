/**
 * A fingerprint as JSON, in statements and requests: bytes are base64 in its one canonical spelling. `format` and `parse`
 * are exact inverses. A document comes from a stranger: whatever is no fingerprint is refused, with the member that says
 * so, and the sizes are bounded.
 */
import { z } from 'zod';
import { fromBase64, toBase64 } from '../bytes.ts';
import { RegistryError } from '../errors.ts';
import type { Fingerprint, LayerSketch, Sketch } from './fingerprint.ts';
import {
  MAX_LAYERS,
  MAX_NEURONS,
  MAX_NEURONS_A_LAYER,
  MAX_OUTPUTS,
  MAX_SHAPE,
  SCHEME,
  SKETCH_BITS,
  SKETCH_BYTES,
} from './fingerprint.ts';
import { RETRIEVAL_DIMENSIONS } from './retrieval.ts';

/** The largest element of a retrieval vector, whatever its sign. */
const LARGEST = 127;

const base64 = (bytes: number) => z.string().max(4 * Math.ceil(bytes / 3));

const width = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)
  .describe("Elements of a neuron's row before it was sketched");

const sketch = (neurons: number) => z.strictObject({ width, rows: base64(SKETCH_BYTES * neurons) });

const layerSchema = z.strictObject({
  units: z.int().positive().describe('Neurons of the layer'),
  width,
  rows: base64(SKETCH_BYTES * MAX_NEURONS_A_LAYER).describe(
    `${SKETCH_BITS} bits of each kept neuron, the strongest first; base64`,
  ),
  behind: base64(SKETCH_BYTES * MAX_NEURONS_A_LAYER).describe('The same of the neurons seen from behind'),
  moments: sketch(MAX_NEURONS_A_LAYER)
    .optional()
    .describe('The same of the moments of their kernels, where units look at several positions of each channel'),
});

export const fingerprintSchema = z
  .strictObject({
    scheme: z.literal(SCHEME),
    shape: z
      .string()
      .min(1)
      .max(MAX_SHAPE)
      .regex(/^[\x21-\x7e]*$/, 'must be ASCII without blanks')
      .describe('What the model is made of, such as 784-128-10 or 784-512x60-10'),
    retrieval: base64(RETRIEVAL_DIMENSIONS).describe(
      `${RETRIEVAL_DIMENSIONS} signed bytes, the largest ±${LARGEST}; base64`,
    ),
    layers: z.array(layerSchema).min(1).max(MAX_LAYERS).describe('Hidden layers, from the input on'),
    outputs: sketch(MAX_OUTPUTS).describe('Of the outputs, in their order, as of neurons'),
  })
  .meta({ id: 'Fingerprint' });

export type FingerprintDocument = z.infer<typeof fingerprintSchema>;

export const formatFingerprint = ({ scheme, shape, retrieval, layers, outputs }: Fingerprint): FingerprintDocument => ({
  scheme,
  shape,
  retrieval: toBase64(new Uint8Array(retrieval.buffer, retrieval.byteOffset, retrieval.byteLength)),
  layers: layers.map(({ units, width, rows, behind, moments }) => ({
    units,
    width,
    rows: toBase64(rows),
    behind: toBase64(behind),
    ...(moments && { moments: formatSketch(moments) }),
  })),
  outputs: formatSketch(outputs),
});

const formatSketch = ({ width, rows }: Sketch) => ({ width, rows: toBase64(rows) });

/**
 * @param document has passed `fingerprintSchema`
 * @param under what its members stand under, such as `fingerprint.`
 * @throws RegistryError `invalid_input`
 */
export function parseFingerprint(document: FingerprintDocument, under = ''): Fingerprint {
  const { scheme, shape } = document;
  const retrieval = parseRetrieval(document.retrieval, `${under}retrieval`);
  const layers = document.layers.map((layer, i) => parseLayer(layer, `${under}layers.${i}.`));
  const kept = layers.reduce((sum, { rows }) => sum + rows.length / SKETCH_BYTES, 0);
  if (kept > MAX_NEURONS) {
    throw refuse(`A fingerprint has at most ${MAX_NEURONS} neurons, and not ${kept}.`, `${under}layers`);
  }
  const outputs = parseSketch(document.outputs, `${under}outputs.`);
  return { scheme, shape, retrieval, layers, outputs };
}

/** @throws RegistryError `invalid_input` */
export function parseRetrieval(text: string, field = 'retrieval'): Int8Array {
  const { buffer, byteOffset, byteLength } = bytesOf(text, field);
  const retrieval = new Int8Array(buffer, byteOffset, byteLength);
  if (byteLength !== RETRIEVAL_DIMENSIONS) {
    throw refuse(`A retrieval vector has ${RETRIEVAL_DIMENSIONS} elements, and not ${byteLength}.`, field);
  }
  let largest = 0;
  for (const value of retrieval) largest = Math.max(largest, Math.abs(value));
  if (largest !== LARGEST) {
    throw refuse(`The largest element of a retrieval vector is ±${LARGEST}, and not ${largest}.`, field);
  }
  return retrieval;
}

function parseLayer(layer: FingerprintDocument['layers'][number], under: string): LayerSketch {
  const { units, width } = layer;
  const rows = rowsOf(layer.rows, `${under}rows`);
  const behind = bytesOf(layer.behind, `${under}behind`);
  const kept = rows.length / SKETCH_BYTES;
  if (kept > units) throw refuse(`Of ${units} neurons ${kept} cannot have been kept.`, `${under}rows`);
  if (behind.length !== rows.length) {
    throw refuse('There are as many neurons seen from behind as from the input.', `${under}behind`);
  }
  const moments = layer.moments && parseSketch(layer.moments, `${under}moments.`);
  if (moments !== undefined && moments.rows.length !== rows.length) {
    throw refuse('There are moments of as many neurons as are seen from the input.', `${under}moments.rows`);
  }
  return { units, width, rows, behind, ...(moments && { moments }) };
}

const parseSketch = ({ width, rows }: { width: number; rows: string }, under: string): Sketch => ({
  width,
  rows: rowsOf(rows, `${under}rows`),
});

function rowsOf(text: string, field: string): Uint8Array {
  const rows = bytesOf(text, field);
  if (rows.length % SKETCH_BYTES === 0) return rows;
  throw refuse(`A neuron's row has ${SKETCH_BYTES} bytes, and the last one fewer.`, field);
}

function bytesOf(text: string, field: string): Uint8Array {
  try {
    return fromBase64(text);
  } catch (cause) {
    throw new RegistryError('invalid_input', 'The text is not canonical base64.', { field, fix: FIX, cause });
  }
}

const FIX = 'Send what "muniment similar" computes.';

const refuse = (sentence: string, field: string) => new RegistryError('invalid_input', sentence, { field, fix: FIX });
