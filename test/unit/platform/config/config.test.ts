import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { CONFIG_VARIABLES, loadConfig, Secret } from '../../../../src/platform/config/index.ts';

describe('the settings', () => {
  it('has a default for everything', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({ host: '127.0.0.1', port: 3000, backend: 'auto', checkpointIntervalMs: 1000 });
    expect(config.data).toMatch(/\/\.muniment$/);
    expect(config.anchorDir).toBe(`${config.data}/anchor`);
    expect(config.databaseUrl).toBeUndefined();
  });

  it.each([
    ['MUNIMENT_PROT', '3000'],
    ['MUNIMENT_PORT', '65536'],
    ['MUNIMENT_PORT', '0x10'],
    ['MUNIMENT_PORT', '007'],
    ['MUNIMENT_BACKEND', 'cpu'],
    ['MUNIMENT_LOG_LEVEL', 'verbose'],
    ['MUNIMENT_LOG_NAME', 'two words'],
    ['MUNIMENT_LOG_NAME', 'a+b'],
    ['MUNIMENT_PUBLIC_URL', 'ftp://example.org'],
    ['MUNIMENT_WORKER', 'maybe'],
    ['MUNIMENT_MASTER_KEY', 'c2hvcnQ='],
    ['MUNIMENT_CHECKPOINT_INTERVAL_MS', '1.5'],
    ['MUNIMENT_TSA_URL', 'tsa.example.org'],
    ['MUNIMENT_TSA_INTERVAL_SECONDS', '0'],
    ['MUNIMENT_TSA_POLICY', '1.2.03'],
    ['DATABASE_URL', 'mysql://root@localhost/x'],
  ])('refuses %s=%s by its name', (name, value) => {
    expect(() => loadConfig({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid', field: name, message: expect.stringContaining(name) }),
    );
  });

  it('never repeats a wrong secret in its error', () => {
    for (const name of ['MUNIMENT_MASTER_KEY', 'DATABASE_URL', 'MUNIMENT_MIGRATION_DATABASE_URL']) {
      try {
        loadConfig({ [name]: 'hunter2-not-valid' });
        throw new Error('was taken');
      } catch (error) {
        expect(`${inspect(error)} ${JSON.stringify(error)}`).not.toContain('hunter2');
        expect(error).toMatchObject({ code: 'configuration_invalid', field: name });
      }
    }
  });

  it('refuses an owner login without an application login', () => {
    expect(() => loadConfig({ MUNIMENT_MIGRATION_DATABASE_URL: 'postgres://owner@db/x' })).toThrow(
      expect.objectContaining({ field: 'MUNIMENT_MIGRATION_DATABASE_URL' }),
    );
  });

  it('refuses a timestamp authority without the roots that vouch for it', () => {
    expect(() => loadConfig({ MUNIMENT_TSA_URL: 'https://tsa.example.org' })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid', field: 'MUNIMENT_TSA_ROOTS' }),
    );
    expect(loadConfig({ MUNIMENT_TSA_ROOTS: 'roots.pem' })).toMatchObject({
      tsaUrl: undefined,
      tsaIntervalSeconds: 3600,
    });
  });

  it('lets the variables of the client and of the system pass', () => {
    expect(loadConfig({ MUNIMENT_URL: 'x', MUNIMENT_API_KEY: 'y', MUNIMENT_KEY: 'k', HOME: '/', PORT: 'z' }).port).toBe(
      3000,
    );
  });

  it('takes an empty value as unset', () => {
    expect(loadConfig({ MUNIMENT_PORT: '', DATABASE_URL: '' })).toMatchObject({ port: 3000, databaseUrl: undefined });
  });

  it('shows no secret, however it is printed', () => {
    const key = Buffer.alloc(32, 7).toString('base64');
    const config = loadConfig({ DATABASE_URL: 'postgres://app:hunter2@db/x', MUNIMENT_MASTER_KEY: key });
    const shown = [
      inspect(config, { depth: 9, showHidden: true }),
      JSON.stringify(config),
      `${String(config.databaseUrl)}`,
    ].join();
    expect(shown).not.toContain('hunter2');
    expect(shown).not.toContain('7, 7');
    expect(config.databaseUrl?.reveal()).toContain('hunter2');
    expect(config.masterKey?.reveal()).toEqual(new Uint8Array(32).fill(7));
    expect(Object.keys(new Secret('x'))).toEqual([]);
  });

  it('is described in docs/configuration.md, name by name', () => {
    const page = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
    const named = new Set([...page.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name));
    expect([...named].filter((name) => CONFIG_VARIABLES.includes(String(name))).sort()).toEqual(
      [...CONFIG_VARIABLES].sort(),
    );
  });
});
