/** `muniment trust`: the registries whose proofs are accepted here. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { fields } from '../table.ts';

export function define(program: Command, context: Context): void {
  const trust = program.command('trust').description('The registries whose proofs you accept.');

  trust
    .command('show')
    .description('Show whom you trust.')
    .addHelpText('after', '\nExample:\n  $ muniment trust show')
    .action(async () => {
      const { readTrust } = await import('../trust-store.ts');
      const { trustFile } = await context.settings();
      const { logs } = await readTrust(trustFile);
      context.print({ file: trustFile, logs }, () =>
        logs.length === 0
          ? `Nobody yet ("muniment trust add KEY" or "muniment trust pin").\n`
          : logs
              .map(({ origin, verifierKey }) =>
                fields([
                  ['log', origin],
                  ['key', verifierKey],
                ]),
              )
              .join('\n'),
      );
    });

  trust
    .command('add')
    .description('Accept the proofs of a registry whose key you got from a source you trust.')
    .argument('<key>', 'its verifier key, as "muniment trust pin" shows it and registrars publish it')
    .addHelpText('after', '\nExample:\n  $ muniment trust add "log.example.org/muniment/1a2b3c4d+5e6f7a8b+Ab12…"')
    .action(async (key: string) => {
      const { pin } = await import('../trust-store.ts');
      const { trustFile } = await context.settings();
      const { origin, added } = await pin(trustFile, key.trim());
      context.print({ origin, key, added, file: trustFile }, () =>
        added
          ? `The proofs of ${origin} are accepted from now on.\n`
          : `The proofs of ${origin} are accepted already.\n`,
      );
    });

  trust
    .command('pin')
    .description(
      'Accept the key that the server itself shows. It protects from now on, not against a server that lies today.',
    )
    .addHelpText('after', '\nExample:\n  $ muniment trust pin --url https://registry.example.org')
    .action(async () => {
      const { claimedKey, pin } = await import('../trust-store.ts');
      const client = await context.client();
      const { trustFile } = await context.settings();
      const { verifierKey } = await claimedKey(client);
      const { origin, added } = await pin(trustFile, verifierKey);
      context.print({ origin, key: verifierKey, added, file: trustFile }, () =>
        fields([
          ['log', origin],
          ['key', verifierKey],
          ['pinned', added ? 'now' : 'before'],
        ]),
      );
    });
}
