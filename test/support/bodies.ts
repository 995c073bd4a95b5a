/** Bodies of writes as honest clients send them, each about something new unless told otherwise. */
import { randomBytes } from 'node:crypto';
import { toHex } from '../../src/core/bytes.ts';
import type { Digest } from '../../src/core/digest.ts';
import { formatDigest } from '../../src/core/digest.ts';
import { manifestOf } from '../../src/core/registry/dataset.ts';
import type { DatasetBody } from '../../src/datasets/dataset.schema.ts';
import type { RegistrationBody } from '../../src/core/registry/registration.ts';
import { newId, sha256 } from '../../src/platform/crypto.ts';

export const anyDigest = (): Digest => `sha256:${toHex(randomBytes(32))}`;

export const digestOf = (bytes: Uint8Array): Digest => formatDigest(sha256(bytes));

export const anyWeights = (): RegistrationBody['weights'] => ({
  fileDigest: anyDigest(),
  weightDigest: anyDigest(),
  namelessDigest: anyDigest(),
  container: 'safetensors',
  bytes: 4096,
  tensors: 4,
  parameters: 1000,
});

export const modelOf = (owner: string, different: Partial<RegistrationBody> = {}): RegistrationBody => ({
  name: 'a small classifier',
  weights: anyWeights(),
  owners: [{ party: owner, share: '1/1' }],
  license: { expression: 'Apache-2.0', textDigest: null },
  run: null,
  datasets: [],
  parents: [],
  ...different,
});

/** As the registry takes it from a maker for whom it signs. */
export const datasetOf = (files: { name: string; bytes: Uint8Array }[], different: object = {}) => ({
  name: 'digits',
  // A party's name and version stand for one dataset.
  version: newId('version'),
  ...manifestOf(
    sha256,
    files.map(({ name, bytes }) => ({ name, bytes: bytes.length, digest: digestOf(bytes) })),
  ),
  originUrl: 'https://example.org/digits',
  license: { expression: 'CC0-1.0', status: 'asserted' as const },
  holder: { name: 'Example', party: null },
  collection: null,
  ...different,
});

/** As its maker signs it, where the holder is a party on record. */
export const heldDatasetOf = (
  party: string,
  files: { name: string; bytes: Uint8Array }[],
  different: Partial<DatasetBody> = {},
): DatasetBody => ({ ...datasetOf(files), holder: { party, nameCommitment: null }, ...different });
