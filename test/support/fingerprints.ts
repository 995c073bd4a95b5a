/** Fingerprints of models that nobody trained, and of copies of them. */
import type { Fingerprint } from '../../src/core/fingerprint/fingerprint.ts';
import { SCHEME, SKETCH_BYTES } from '../../src/core/fingerprint/fingerprint.ts';
import { RETRIEVAL_DIMENSIONS } from '../../src/core/fingerprint/retrieval.ts';

/** A normal draw (Box and Muller). */
const gauss = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const gausses = (count: number) => Float64Array.from({ length: count }, gauss);

export const anyFingerprint = (): Fingerprint => ({
  scheme: SCHEME,
  shape: '784-128-10',
  retrieval: scaled(gausses(RETRIEVAL_DIMENSIONS)),
  layers: [
    {
      units: 32,
      width: 785,
      rows: anyBytes(32 * SKETCH_BYTES),
      behind: anyBytes(32 * SKETCH_BYTES),
      moments: { width: 136, rows: anyBytes(32 * SKETCH_BYTES) },
    },
  ],
  outputs: { width: 785, rows: anyBytes(10 * SKETCH_BYTES) },
});

const anyBytes = (length: number) => Uint8Array.from({ length }, () => Math.random() * 256);

/** @param closeness the cosine of its vector with the original's, about; the sketches have as many bits in common */
export function copyOf({ retrieval, layers, outputs, ...rest }: Fingerprint, closeness: number): Fingerprint {
  const length = Math.hypot(...retrieval) / Math.sqrt(RETRIEVAL_DIMENSIONS);
  const noise = gausses(RETRIEVAL_DIMENSIONS);
  const mixed = noise.map((value, i) => closeness * (retrieval[i]! / length) + Math.sqrt(1 - closeness ** 2) * value);
  const flip = Math.acos(closeness) / Math.PI;
  const near = (rows: Uint8Array) => rows.map((byte) => byte ^ someBits(flip));
  return {
    ...rest,
    retrieval: scaled(mixed),
    layers: layers.map(({ units, width, rows, behind, moments }) => ({
      units,
      width,
      rows: near(rows),
      behind: near(behind),
      ...(moments && { moments: { ...moments, rows: near(moments.rows) } }),
    })),
    outputs: { ...outputs, rows: near(outputs.rows) },
  };
}

/** The largest element ±127, as `fingerprintOf` has it. */
function scaled(vector: Float64Array): Int8Array {
  const largest = Math.max(...vector.map(Math.abs));
  return Int8Array.from(vector, (value) => Math.round((value / largest) * 127));
}

const someBits = (chance: number) =>
  Array.from({ length: 8 }, (_, bit) => (Math.random() < chance ? 1 << bit : 0)).reduce((sum, bit) => sum | bit, 0);
