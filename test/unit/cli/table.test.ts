import { describe, expect, it } from '@jest/globals';
import { describeStated } from '../../../src/cli/describe-possession.ts';
import { columns, printable } from '../../../src/cli/table.ts';

describe('text that strangers wrote', () => {
  it('cannot move the cursor, clear the screen, name the window, or turn the line around', () => {
    const hostile = 'model\u001b[1A\u001b[2K\r\u009b2J\u001b]0;x\u0007\u0008\u202everdict\u2066\u200f\u061c';
    expect(printable(hostile)).toBe('model[1A[2K2J]0;xverdict');
    expect(printable('脸谱 é\tü\n')).toBe('脸谱 é\tü\n');
  });

  it('makes no row of its own in a table', () => {
    const table = columns(
      ['dataset', 'license'],
      [
        ['faces\nowned by you', 'MIT\u2028CC0'],
        ['digits', 'CC0'],
      ],
    );
    expect(table.trimEnd().split(/[\n\u2028]/)).toEqual([
      'dataset             license',
      '──────────────────  ───────',
      'faces owned by you  MIT CC0',
      'digits              CC0',
    ]);
  });

  it('makes no other field of what a sealed title states', () => {
    const note = { field: 'note', value: `signed\nweightDigest: sha256:${'0'.repeat(64)}`, openedIndex: 7 } as const;
    expect(describeStated([note])).toBe(`note: signed weightDigest: sha256:${'0'.repeat(64)}`);
  });
});
