import { describe, expect, test } from '@jest/globals';
import { toBase64 } from '../../../../src/core/bytes.ts';
import { canonicalize } from '../../../../src/core/canonical-json.ts';
import type { FingerprintDocument } from '../../../../src/core/fingerprint/document.ts';
import { fingerprintSchema, formatFingerprint, parseFingerprint } from '../../../../src/core/fingerprint/document.ts';
import { MAX_LAYERS, MAX_NEURONS, SKETCH_BYTES } from '../../../../src/core/fingerprint/fingerprint.ts';
import { MAX_PAYLOAD } from '../../../../src/core/statement/dsse.ts';
import { anyFingerprint } from '../../../support/fingerprints.ts';

const bytes = (count: number, value = 0) => toBase64(new Uint8Array(count).fill(value));

test('a fingerprint is read back as it was written', () => {
  const fingerprint = anyFingerprint();
  const document = formatFingerprint(fingerprint);
  const read = parseFingerprint(fingerprintSchema.parse(JSON.parse(JSON.stringify(document))));
  expect(read).toEqual(fingerprint);
  expect(formatFingerprint(read)).toEqual(document);
});

test('the bytes are those of the array alone, whatever it is a part of', () => {
  const fingerprint = anyFingerprint();
  const larger = new Int8Array(fingerprint.retrieval.length + 8).fill(9);
  larger.set(fingerprint.retrieval, 4);
  const part = { ...fingerprint, retrieval: larger.subarray(4, -4) };
  expect(formatFingerprint(part)).toEqual(formatFingerprint(fingerprint));
});

test('the largest fingerprint leaves a third of a statement free', () => {
  const rows = new Uint8Array((MAX_NEURONS / MAX_LAYERS) * SKETCH_BYTES).fill(255);
  const moments = { width: 990, rows };
  const layer = { units: Number.MAX_SAFE_INTEGER, width: 1024, rows, behind: rows, moments };
  const largest = { ...anyFingerprint(), layers: Array.from({ length: MAX_LAYERS }, () => layer) };
  const document = fingerprintSchema.parse(formatFingerprint(largest));
  expect(parseFingerprint(document).layers).toHaveLength(MAX_LAYERS);
  expect(canonicalize(document).length).toBeLessThan((2 / 3) * MAX_PAYLOAD);
});

describe('what is no fingerprint is refused by the member that says so:', () => {
  const good = (): FingerprintDocument => ({
    ...formatFingerprint(anyFingerprint()),
    layers: [{ units: 2, width: 785, rows: bytes(2 * SKETCH_BYTES, 170), behind: bytes(2 * SKETCH_BYTES, 85) }],
  });
  const layer = (change: object) => (document: FingerprintDocument) => ({
    ...document,
    layers: [{ ...document.layers[0]!, ...change }],
  });

  test('and this is one', () => {
    expect(parseFingerprint(fingerprintSchema.parse(good())).layers[0]!.units).toBe(2);
  });

  test('and so is one of a layer on whose neurons nothing depends', () => {
    const document = fingerprintSchema.parse(layer({ rows: '', behind: '' })(good()));
    expect(parseFingerprint(document).layers[0]!.rows).toEqual(new Uint8Array());
  });

  test.each<[string, (document: FingerprintDocument) => object, string]>([
    ['a vector too short', (d) => ({ ...d, retrieval: bytes(1023, 127) }), 'retrieval'],
    ['a vector too long', (d) => ({ ...d, retrieval: bytes(1025, 127) }), 'retrieval'],
    ['a vector of zeros', (d) => ({ ...d, retrieval: bytes(1024) }), 'retrieval'],
    ['a vector of another scale', (d) => ({ ...d, retrieval: bytes(1024, 126) }), 'retrieval'],
    ['a vector with -128', (d) => ({ ...d, retrieval: bytes(1024, 128) }), 'retrieval'],
    ['base64 without its padding', (d) => ({ ...d, retrieval: bytes(1024, 127).slice(0, -2) }), 'retrieval'],
    ['base64 for URLs', (d) => ({ ...d, retrieval: `-${bytes(1024, 127).slice(1)}` }), 'retrieval'],
    ['more neurons than the layer has', layer({ units: 1 }), 'layers.0.rows'],
    ['fewer neurons seen from behind', layer({ behind: bytes(SKETCH_BYTES) }), 'layers.0.behind'],
    [
      'moments of another neuron more',
      layer({ moments: { width: 990, rows: bytes(3 * SKETCH_BYTES) } }),
      'layers.0.moments.rows',
    ],
    ['half an output', (d) => ({ ...d, outputs: { ...d.outputs, rows: bytes(1.5 * SKETCH_BYTES) } }), 'outputs.rows'],
    ['half a row', layer({ rows: bytes(1.5 * SKETCH_BYTES) }), 'layers.0.rows'],
    [
      'more neurons than all layers may have',
      (d) => ({
        ...d,
        layers: [200, 200, 113].map((units) => ({
          units,
          width: 1,
          rows: bytes(units * SKETCH_BYTES),
          behind: bytes(units * SKETCH_BYTES),
        })),
      }),
      'layers',
    ],
  ])('%s', (_, change, field) => {
    const document = fingerprintSchema.parse(change(good()));
    expect(() => parseFingerprint(document, 'fingerprint.')).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: `fingerprint.${field}` }),
    );
  });

  test.each<[string, (document: FingerprintDocument) => object]>([
    ['another scheme', (d) => ({ ...d, scheme: 'muniment-fingerprint-2' })],
    ['a shape with a blank', (d) => ({ ...d, shape: '784 10' })],
    ['no layer', (d) => ({ ...d, layers: [] })],
    ['nine layers', (d) => ({ ...d, layers: Array.from({ length: 9 }, () => d.layers[0]!) })],
    ['a megabyte of rows', layer({ rows: 'A'.repeat(1_000_000) })],
    ['half a unit', layer({ units: 1.5 })],
    ['rows of no width', layer({ width: 0 })],
    ['a member more', (d) => ({ ...d, weights: [] })],
  ])('%s', (_, change) => {
    expect(fingerprintSchema.safeParse(change(good())).success).toBe(false);
  });
});
