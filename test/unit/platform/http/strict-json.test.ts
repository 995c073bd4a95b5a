import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseStrictly } from '../../../../src/platform/http/strict-json.ts';

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe('JSON of a request', () => {
  it('is read as JSON.parse reads it, whatever it holds', () => {
    fc.assert(
      fc.property(
        // A member of this name is refused, which a test of its own says.
        fc.jsonValue({ maxDepth: 8 }).filter((value) => !JSON.stringify(value).includes('__proto__')),
        (value) => expect(parseStrictly(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value))),
      ),
    );
  });

  it('may be 64 levels deep and not 65', () => {
    expect(parseStrictly(nested(64))).toBeDefined();
    expect(() => parseStrictly(nested(65))).toThrow(expect.objectContaining({ code: 'malformed_json' }));
    expect(() => parseStrictly('{"a":'.repeat(1e6))).toThrow(expect.objectContaining({ code: 'malformed_json' }));
  });

  it('does not count brackets inside of strings', () => {
    const text = JSON.stringify({ a: `${'['.repeat(500)}"\\`, b: '\\"{{{' });
    expect(parseStrictly(text)).toEqual(JSON.parse(text));
  });

  it.each(['{"__proto__":1}', '[{"a":{"__proto__":{}}}]', '{"\\u005f_proto__":{}}', '{"constructor":{"prototype":1}}'])(
    'refuses %s, which reaches for a prototype',
    (text) => {
      expect(() => parseStrictly(text)).toThrow(expect.objectContaining({ code: 'invalid_input' }));
    },
  );

  it.each(['{"a":1,"a":1}', '{"a":1,"b":{"c":[{"d":1,"\\u0064":2}]}}', '{"":0,""  \n:0}', '{"\\"":0,"\\"":1}'])(
    'refuses %s, in which one object has a member twice',
    (text) => {
      expect(() => parseStrictly(text)).toThrow(expect.objectContaining({ code: 'malformed_json' }));
    },
  );

  it.each(['{"a":{"a":["a","a"]},"b":"a","A":"a"}', '[{"a":1},{"a":1}]', '{"a":":","b":"\\\\","c":"\\"a\\":"}'])(
    'takes %s, in which names only look like repetitions',
    (text) => {
      expect(parseStrictly(text)).toEqual(JSON.parse(text));
    },
  );

  it.each(['{"a":"\\u0000"}', '["\\ud800"]', '{"\\udc00":1}'])(
    'refuses %s, which no database keeps as it is',
    (text) => {
      expect(() => parseStrictly(text)).toThrow(expect.objectContaining({ code: 'invalid_input' }));
    },
  );

  it('lets a member be named constructor', () => {
    expect(parseStrictly('{"constructor":"Ford"}')).toEqual({ constructor: 'Ford' });
  });

  it.each(['', '{', '{"a":1,}', "{'a':1}", 'NaN', '01', '{"a":1} x', '\u00a0{}'])('refuses %j', (text) => {
    expect(() => parseStrictly(text)).toThrow(expect.objectContaining({ code: 'malformed_json' }));
  });
});
