/** The server's settings for the commands that run on its machine: the environment, with a few flags over it. */
import { join } from 'node:path';
import { RegistryError } from '../core/errors.ts';
import type { Config } from '../platform/config/index.ts';
import type { Log } from '../platform/logging/index.ts';
import type { Context } from './context.ts';
import { portOf } from './parse.ts';

export interface ServerFlags {
  port?: string;
  host?: string;
  data?: string;
}

/** @throws RegistryError `usage`, `configuration_invalid` */
export async function serverConfig(context: Context, { port, host, data }: ServerFlags): Promise<Config> {
  const { loadConfig } = await import('../platform/config/index.ts');
  return loadConfig({
    ...context.io.env,
    ...(port === undefined ? {} : { MUNIMENT_PORT: String(portOf(port)) }),
    ...(host === undefined ? {} : { MUNIMENT_HOST: host }),
    ...(data === undefined ? {} : { MUNIMENT_DATA: data }),
  });
}

/**
 * For commands that read a registry and must not make one.
 * @throws RegistryError `not_found` in a folder where no registry was ever started
 */
export async function requireRegistry({ data, databaseUrl }: Config): Promise<void> {
  if (databaseUrl !== undefined) return;
  const { access } = await import('node:fs/promises');
  try {
    await access(join(data, 'database.json'));
  } catch (cause) {
    throw new RegistryError('not_found', `There is no registry in "${data}".`, {
      fix: 'Name its folder with --data.',
      cause,
    });
  }
}

/** At a terminal the log is kept to what somebody has to know, unless a level was asked for. */
export async function serverLog(context: Context, config: Config): Promise<Log> {
  const { createLog } = await import('../platform/logging/index.ts');
  const asked = context.io.env['MUNIMENT_LOG_LEVEL'];
  return createLog(context.io.watched && !asked ? { ...config, logLevel: 'warn' } : config);
}
