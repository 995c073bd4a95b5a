/** `token inspect` shows what a token says before anybody has judged it: whoever made it may have written anything. */
import { expect, test } from '@jest/globals';
import { runCli } from './support.ts';

const base64url = (text: string) => Buffer.from(text).toString('base64url');
const inspect = (claims: string, ...options: string[]) =>
  runCli([...options, 'token', 'inspect', [base64url('{"alg":"none"}'), base64url(claims), 'AA'].join('.')]);

test.each<[string, string, string[]]>([
  ['a time that no date can hold', '{"exp":1e300}', ['until     1e+300']],
  ['a time long ago', '{"exp":-1e20}', ['until     -100000000000000000000']],
  ['a text for actions', '{"authorization_details":[{"actions":"all"}]}', ['may       all']],
  ['actions that are none', '{"authorization_details":[{"actions":["infer",null,{}]}]}', ['may       infer, null, {}']],
  [
    'objects for names',
    '{"sub":{"toString":1},"aud":[{"valueOf":2}]}',
    ['licensee  {"toString":1}', 'for       [{"valueOf":2}]'],
  ],
  ['nothing in its place', '{"authorization_details":[null],"cnf":7}', ['verified  no']],
  ['members of every object', '{"cnf":{},"authorization_details":{"0":{"model":"toString"}}}', ['verified  no']],
  [
    'what a terminal obeys',
    '{"sub":"\\u001b[31mred\\u202e\\r\\nverified  yes"}',
    ['licensee  [31mred\n          verified  yes\n'],
  ],
])('shows of a token with %s what it says', async (_, claims, shown) => {
  const { code, out, notes } = await inspect(claims);
  expect([code, notes]).toEqual([0, '']);
  for (const each of shown) expect(out).toContain(each);
  expect(out).not.toContain('undefined');
  // eslint-disable-next-line no-control-regex
  expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
});

test.each(['[]', '"x"', 'null', '{', ''])('refuses %j in the place of claims by name', async (claims) => {
  const { code, out } = await inspect(claims, '--json');
  expect([code, JSON.parse(out)]).toEqual([1, expect.objectContaining({ code: 'token_malformed' })]);
});
