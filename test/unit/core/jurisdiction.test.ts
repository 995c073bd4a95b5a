import { expect, test } from '@jest/globals';
import { jurisdiction, JURISDICTIONS } from '../../../src/core/jurisdiction.ts';

test('knows the 249 countries of ISO 3166-1 and the EU, each once', () => {
  expect(JURISDICTIONS).toHaveLength(250);
  expect(new Set(JURISDICTIONS).size).toBe(250);
});

test.each(['UK', 'XX', 'EN', 'de', 'DEU', ''])('refuses %j with a sentence, not with a list', (code) => {
  const { error } = jurisdiction.safeParse(code);
  expect(error!.issues[0]!.message).toBe('must be an ISO 3166-1 alpha-2 code such as DE, or EU');
});
