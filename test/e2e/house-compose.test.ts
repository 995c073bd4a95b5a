/** docker-compose.yml without Docker: the commands and settings of its services, run by hand on this machine. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { makeDataFolder } from '../support/app.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { runBuilt, spawnBuilt } from '../support/server.ts';

jest.setTimeout(60_000);

const file = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const { services } = parse(readFileSync(file, 'utf8'), { merge: true }) as {
  services: Record<string, { command: string[]; environment: Record<string, string> }>;
};

it('migrates, serves and works by the commands of its services', async () => {
  const database = await createTestDatabase({ empty: true });
  const data = await makeDataFolder();
  const [app, owner] = [database.appUrl.reveal(), database.ownerUrl.reveal()];
  const prepare = (name: string): [string[], Record<string, string>] => {
    const { command = [], environment = {} } = services[name] ?? {};
    const [program, ...args] = command;
    expect(program).toBe('node');
    const env = Object.fromEntries(
      Object.entries(environment).map(([variable, value]) => [variable, value.replace(/\$\{\w+:-([^}]*)\}/g, '$1')]),
    );
    Object.assign(env, {
      DATABASE_URL: app,
      ...(env['MUNIMENT_MIGRATION_DATABASE_URL'] ? { MUNIMENT_MIGRATION_DATABASE_URL: owner } : {}),
      ...(env['MUNIMENT_PORT'] ? { MUNIMENT_PORT: '0' } : {}),
      MUNIMENT_MASTER_KEY: Buffer.alloc(32, 5).toString('base64'),
      MUNIMENT_DATA: data,
    });
    return [args.map((argument) => argument.replace(/^dist\//, '')), env];
  };

  const migrated = await runBuilt(...prepare('migrate'));
  expect([migrated.code, migrated.code === 0 ? '' : migrated.stderr]).toEqual([0, '']);

  for (const name of ['api', 'worker']) {
    const child = spawnBuilt(...prepare(name));
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    for (let i = 0; i < 400 && !(name === 'api' ? /http:\/\/[\w.]+:\d+/ : /./).test(said); i++) await sleep(50);
    if (name === 'api') {
      const { status } = await fetch(`${/http:\/\/[\w.]+:\d+/.exec(said)?.[0]}/health/ready`);
      expect(status).toBe(200);
    }
    await sleep(500);
    expect([child.exitCode, child.exitCode === null ? '' : said]).toEqual([null, '']);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  }
  await database.drop();
  await rm(data, { recursive: true, force: true });
});
