import { describe, expect, test } from '@jest/globals';
import { licenseIds } from '../../../../src/core/licensing/expression.ts';

describe('license expressions', () => {
  test.each([
    ['Apache-2.0', ['Apache-2.0']],
    ['CC-BY-SA-3.0', ['CC-BY-SA-3.0']],
    ['MIT OR Apache-2.0', ['MIT', 'Apache-2.0']],
    ['(MIT AND LicenseRef-Acme) OR MIT', ['MIT', 'LicenseRef-Acme']],
    ['GPL-2.0-only WITH Classpath-exception-2.0', ['GPL-2.0-only']],
    ['NOASSERTION', ['NOASSERTION']],
  ])('reads %s', (expression, ids) => expect(licenseIds(expression)).toEqual(ids));

  test.each(['Apache 2', 'apache-2', 'MIT OR', '', 'MIT; DROP TABLE', 'NOASSERTION OR MIT', '('.repeat(2000)])(
    'refuses "%.40s" by name',
    (expression) => expect(() => licenseIds(expression)).toThrow(expect.objectContaining({ code: 'license_unknown' })),
  );
});
