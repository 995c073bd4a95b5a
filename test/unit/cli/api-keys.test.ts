import { expect, it } from '@jest/globals';
import { EVERY_SCOPE } from '../../../src/cli/api-keys.ts';
import { SCOPE_NAMES } from '../../../src/platform/auth/index.ts';

it('an API key may do all that there is where nobody says less', () => {
  expect([...EVERY_SCOPE].sort()).toEqual([...SCOPE_NAMES].sort());
});
