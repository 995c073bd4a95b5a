import { describe, expect, it } from '@jest/globals';
import { isScope, judge, SCOPE_NAMES, SCOPES } from '../../../../src/platform/auth/index.ts';
import type { Requirement, Role } from '../../../../src/platform/auth/index.ts';

const may = (requirement: Requirement, scopes: string[], roles: Role[] = []): string => {
  try {
    judge({ partyId: 'p', apiKeyId: 'k', scopes, roles }, requirement);
    return 'yes';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('what a principal may do', () => {
  it('is exactly what its scopes name, for every pair of scopes', () => {
    for (const needed of SCOPE_NAMES) {
      for (const held of SCOPE_NAMES) expect(may(needed, [held])).toBe(needed === held ? 'yes' : 'scope_missing');
      expect(may(needed, [])).toBe('scope_missing');
      expect(may(needed, SCOPE_NAMES)).toBe('yes');
    }
  });

  it('lets a registrar do everything and an auditor read everything, and nothing else', () => {
    for (const needed of [...SCOPE_NAMES, 'registrar', 'auditor', 'authenticated'] as const) {
      expect(may(needed, [], ['registrar'])).toBe('yes');
    }
    expect(SCOPE_NAMES.filter((needed) => may(needed, [], ['auditor']) === 'yes')).toEqual(['read']);
    expect(may('auditor', [], ['auditor'])).toBe('yes');
    expect(may('registrar', [], ['auditor'])).toBe('forbidden');
  });

  it('gives no role to a scope that is spelled like one', () => {
    expect(may('registrar', ['registrar'])).toBe('forbidden');
    expect(may('models:write', ['registrar', '*', 'models:*', 'models:write '])).toBe('scope_missing');
  });

  it('knows no scope by the name of an object’s own members', () => {
    for (const name of ['constructor', '__proto__', 'toString', '']) expect(isScope(name)).toBe(false);
  });

  it('describes every scope in one line', () => {
    for (const text of Object.values(SCOPES)) expect(text).toMatch(/^[A-Z][^\n]{10,80}$/);
  });
});
