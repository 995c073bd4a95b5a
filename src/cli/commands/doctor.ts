/** `muniment doctor`: looks at configuration, database, clock, keys and training backends, and says what is wrong. */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Context } from '../context.ts';
import type { Finding } from '../doctor.ts';

const MARK = { ok: 'ok     ', warning: 'warning', wrong: 'WRONG  ' };

export function define(program: Command, context: Context): void {
  program
    .command('doctor')
    .description('Check configuration, database, clock, keys and training backends, and say what is wrong.')
    .option('--data <folder>', 'data folder of the registry (MUNIMENT_DATA, .muniment)')
    .addHelpText('after', '\nExample:\n  $ muniment doctor\n\nExit code 1 means that something is wrong.')
    .action(async (flags: { data?: string }) => {
      const { examineOwnKey } = await import('../doctor.ts');
      const findings = [...(await findingsOf(context, flags)), ...(await examineOwnKey(context))];
      const healthy = findings.every(({ state }) => state !== 'wrong');
      if (!healthy) context.refuse();
      context.print({ healthy, findings }, () => {
        const width = Math.max(...findings.map(({ check }) => check.length));
        const lines = findings.map(
          ({ state, check, says, fix }) =>
            `${MARK[state]}  ${check.padEnd(width)}  ${says}${state === 'ok' || fix === undefined ? '' : ` ${fix}`}\n`,
        );
        return `${lines.join('')}\n${healthy ? 'Nothing is wrong.' : 'Something is wrong: see above.'}\n`;
      });
    });
}

async function findingsOf(context: Context, flags: { data?: string }): Promise<Finding[]> {
  const [{ serverConfig }, { examine }, { createLog }] = await Promise.all([
    import('../server-config.ts'),
    import('../doctor.ts'),
    import('../../platform/logging/index.ts'),
  ]);
  try {
    const config = await serverConfig(context, flags);
    return await examine(config, createLog({ ...config, logLevel: 'error' }));
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'configuration_invalid') throw error;
    const { message, fix } = error;
    return [{ check: 'configuration', state: 'wrong', says: message, ...(fix === undefined ? {} : { fix }) }];
  }
}
