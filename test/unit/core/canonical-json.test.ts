import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fromUtf8, utf8 } from '../../../src/core/bytes.ts';
import { canonicalize, parseCanonical } from '../../../src/core/canonical-json.ts';

const text = (value: unknown) => fromUtf8(canonicalize(value));

describe('canonical JSON', () => {
  test('writes the example of RFC 8785 §3.2.3 as its §3.2.4 prints it', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"\u002f',
      literals: [null, true, false],
    };
    expect(text(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test('sorts members by UTF-16 code units, not by code points', () => {
    expect(text({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 })).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    );
  });

  test.each([
    ['undefined', { a: undefined }],
    ['NaN', [Number.NaN]],
    ['Infinity', -Infinity],
    ['a lone surrogate', '\ud800'],
    ['a date', { at: new Date(0) }],
    ['a bigint', 1n],
    ['a hole in an array', new Array(1)],
    ['a function', () => 1],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalize(value)).toThrow(expect.objectContaining({ code: 'malformed_json' }));
  });

  test('refuses nesting that would exhaust the stack', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(() => canonicalize(deep)).toThrow(expect.objectContaining({ code: 'malformed_json' }));
  });

  test.each([
    ['a duplicate member', '{"a":1,"a":2}'],
    ['unsorted members', '{"b":1,"a":2}'],
    ['white space', '{"a": 1}'],
    ['another spelling of a number', '[1.0]'],
    ['minus zero', '[-0]'],
    ['an escaped slash', '["\\/"]'],
    ['a byte order mark', '\ufeff1'],
    ['a trailing newline', '1\n'],
    ['half a document', '{"a":'],
    ['names of digits in the order of numbers', '{"9":1,"10":2}'],
    ['an escaped lone surrogate', '["\\ud800"]'],
    ['an escape that needs none', '["\\u0061"]'],
    ['nesting one level too deep', `${'['.repeat(65)}1${']'.repeat(65)}`],
    ['nesting that would exhaust the stack', '['.repeat(100_000) + ']'.repeat(100_000)],
  ])('does not parse %s', (_, source) => {
    expect(() => parseCanonical(utf8(source))).toThrow(expect.objectContaining({ code: 'malformed_json' }));
  });

  test('parses nesting as deep as it may be', () => {
    const source = `${'['.repeat(64)}1${']'.repeat(64)}`;
    expect(text(parseCanonical(utf8(source)))).toBe(source);
  });

  test('parses names of digits in the order of their characters', () => {
    expect(parseCanonical(utf8('{"10":2,"9":1}'))).toEqual({ 9: 1, 10: 2 });
  });

  test('parses a text exactly when its value is written so', () => {
    const name = fc.constantFrom('a', 'b', 'B', '9', '10', 'é', '😀', '\ufb33', '', 'a"');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.integer(),
        fc.string(),
        fc.array(tie('value')),
        fc.array(fc.tuple(name, tie('value'))).map((members) => ({ members })),
      ),
    }));
    const spell = (node: unknown): string => {
      if (Array.isArray(node)) return `[${node.map(spell).join(',')}]`;
      if (typeof node !== 'object') return JSON.stringify(node);
      const { members } = node as { members: [string, unknown][] };
      return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${spell(item)}`).join(',')}}`;
    };
    fc.assert(
      fc.property(value, (node) => {
        const source = spell(node);
        const canonical = text(JSON.parse(source)) === source;
        if (canonical) expect(parseCanonical(utf8(source))).toEqual(JSON.parse(source));
        else expect(() => parseCanonical(utf8(source))).toThrow(expect.objectContaining({ code: 'malformed_json' }));
      }),
    );
  });

  test('parse is the inverse of format for any value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const bytes = canonicalize(value);
        expect(canonicalize(parseCanonical(bytes))).toEqual(bytes);
      }),
    );
  });
});
