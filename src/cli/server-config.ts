/** The server's settings for the commands that run on its machine: the environment, with a few flags over it. */
import type { Config } from '../platform/config/index.ts';
import type { Log } from '../platform/logging/index.ts';
import type { Context } from './context.ts';

export interface ServerFlags {
  port?: string;
  host?: string;
  data?: string;
}

/** @throws RegistryError `configuration_invalid` */
export async function serverConfig(context: Context, { port, host, data }: ServerFlags): Promise<Config> {
  const { loadConfig } = await import('../platform/config/index.ts');
  return loadConfig({
    ...context.io.env,
    ...(port === undefined ? {} : { MUNIMENT_PORT: port }),
    ...(host === undefined ? {} : { MUNIMENT_HOST: host }),
    ...(data === undefined ? {} : { MUNIMENT_DATA: data }),
  });
}

/** At a terminal the log is kept to what somebody has to know, unless a level was asked for. */
export async function serverLog(context: Context, config: Config): Promise<Log> {
  const { createLog } = await import('../platform/logging/index.ts');
  const asked = context.io.env['MUNIMENT_LOG_LEVEL'];
  return createLog(context.io.watched && !asked ? { ...config, logLevel: 'warn' } : config);
}
