/** A disclosure as Markdown: what nobody stated is seen, and no stranger's text passes for more than a text. */
import { expect, test } from '@jest/globals';
import type { Answer, DisclosureDocument } from '../../../src/core/disclosure.ts';
import { ask, citationsOf, formatMarkdown, NOT_STATED } from '../../../src/core/disclosure.ts';
import type { Digest } from '../../../src/core/digest.ts';

const digest = (hex: string): Digest => `sha256:${hex.repeat(64)}`;
const from = (hex: string, index: number) => ({
  kind: 'market-record',
  statement: digest(hex),
  index,
  maker: 'party_a',
});
const said = (value: string | null, ...cited: Answer['from']): Answer => ({ dataset: null, value, from: cited });

const documentOf = (...answers: Answer[]): DisclosureDocument => ({
  title: 'A form',
  edition: 'of 2025-07-24',
  model: { registration: 'registration_a', name: 'digits', statement: digest('a') },
  log: 'log.example/1',
  sections: [{ number: '1', title: 'All of it', questions: [ask('What', answers), ask('Why')] }],
});

const markdown = (value: string) => formatMarkdown(documentOf(said(value, from('a', 1))));
const line = (value: string) => /^- What: (.*) \[1\]$/m.exec(markdown(value))?.[1];

test('counts and shows the questions that nobody answered', () => {
  const text = markdown('so');
  expect(text).toContain('Open: of 2 questions 1 are not stated, and 0 not of all datasets.');
  expect(text).toContain(`- Why: ${NOT_STATED}`);
});

test('a question that only some datasets answer shows which do not', () => {
  const dataset = { id: 'dataset_a', name: 'faces' };
  const document = documentOf({ dataset, value: null, from: [] }, { ...said('yes', from('a', 1)), dataset });
  expect(document.sections[0]!.questions[0]!.stated).toBe('part');
  const text = formatMarkdown(document);
  expect(text).toContain(`  - faces (dataset\\_a): ${NOT_STATED}\n  - faces (dataset\\_a): yes [1]\n`);
});

test('cites each statement once, in log order', () => {
  const document = documentOf(said('x', from('b', 7), from('a', 3)), said('y', from('b', 7)));
  expect(citationsOf(document).map(({ index }) => index)).toEqual([3, 7]);
  expect(formatMarkdown(document)).toContain(`- [2] market-record, ${digest('b')}, entry 7, by party\\_a\n`);
});

test.each([
  ['a heading', 'x\n## 3.1 Forged\n- Measures: all', 'x \\#\\# 3.1 Forged - Measures: all'],
  ['markup', '<script>alert(1)</script>', '\\<script\\>alert(1)\\</script\\>'],
  ['a link and a citation', '[1](javascript:x) ![i](y)', '\\[1\\](javascript:x) \\!\\[i\\](y)'],
  ['an open mark', '**not stated**', '\\*\\*not stated\\*\\*'],
  ['an entity', '&lt;b&gt;', '\\&lt;b\\&gt;'],
  ['an escape of its own', '\\*x\\*', '\\\\\\*x\\\\\\*'],
  ['text that turns around', 'a\u202Eb\u2066c\u0007d', 'a b c d'],
])('shows %s as a text', (_, value, shown) => {
  expect(line(value)).toBe(shown);
});
