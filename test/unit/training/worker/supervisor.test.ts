import { expect, it } from '@jest/globals';
import { loadConfig } from '../../../../src/platform/config/index.ts';
import { environmentOf } from '../../../../src/training/worker/supervisor.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');

it('gives the worker the settings of its server, wherever the server had them from', () => {
  const config = loadConfig({
    MUNIMENT_DATA: '/srv/muniment',
    DATABASE_URL: 'postgres://app:word@db/muniment',
    MUNIMENT_MASTER_KEY: KEY,
    MUNIMENT_BACKEND: 'wasm',
    MUNIMENT_THREADS: '1',
  });
  const environment = environmentOf(config, { PATH: '/bin', MUNIMENT_DATA: '/elsewhere', MUNIMENT_BACKEND: 'cuda' });
  expect(environment['PATH']).toBe('/bin');
  const worker = loadConfig(environment);
  for (const name of ['data', 'artifactDir', 'anchorDir', 'backend', 'threads', 'logName'] as const) {
    expect([name, worker[name]]).toEqual([name, config[name]]);
  }
  expect(worker.databaseUrl?.reveal()).toBe(config.databaseUrl?.reveal());
  expect(worker.masterKey?.reveal()).toEqual(config.masterKey?.reveal());
});

it('takes no database from the environment that its server does not use', () => {
  const environment = environmentOf(loadConfig({}), { DATABASE_URL: 'postgres://app:word@db/other' });
  expect(loadConfig(environment).databaseUrl).toBeUndefined();
});
