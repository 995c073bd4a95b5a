import { describe, expect, it } from '@jest/globals';
import { chooseDataset } from '../../../src/cli/find.ts';
import type { DatasetView } from '../../../src/cli/views.ts';

const view = (id: string, maker: string, manifest: string, recordedIndex: number): DatasetView => ({
  id,
  maker,
  name: 'mnist',
  version: '1',
  files: [],
  manifestDigest: `sha256:${manifest.repeat(64)}`,
  originUrl: 'https://example.org/mnist',
  license: { expression: 'CC-BY-SA-3.0', status: 'asserted' },
  holder: { name: 'Its holders', party: null, nameCommitment: `sha256:${'1'.repeat(64)}` },
  collection: null,
  statement: `sha256:${'0'.repeat(64)}`,
  recordedIndex,
});

describe('a name that several datasets bear', () => {
  const first = view('first', 'acme', 'a', 3);
  const same = view('same', 'beta', 'a', 5);
  const other = view('other', 'gamma', 'b', 4);

  it("means the caller's own, whatever others recorded", () => {
    expect(chooseDataset([first, other, same], 'mnist', 'beta').id).toBe('same');
  });

  it('means the earliest where all are the same files', () => {
    expect(chooseDataset([same, first], 'mnist', 'delta').id).toBe('first');
    expect(chooseDataset([same, first], 'mnist', undefined).id).toBe('first');
  });

  it('is refused with all of them where the files differ', () => {
    const refused = expect.objectContaining({ code: 'usage', fix: expect.stringMatching(/first .*other .*same /) });
    expect(() => chooseDataset([same, other, first], 'mnist', 'delta')).toThrow(refused);
    const again = view('again', 'acme', 'c', 9);
    expect(() => chooseDataset([first, again], 'mnist', 'acme')).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('that nobody uses is not found', () => {
    expect(() => chooseDataset([], 'mnist', 'acme')).toThrow(expect.objectContaining({ code: 'not_found' }));
  });
});
