/** `muniment trust`: the registries whose proofs are accepted here, and the witnesses that must have seen them. */
import type { Command } from 'commander';
import { RegistryError } from '../../core/errors.ts';
import type { Context } from '../context.ts';
import { wholeNumberOf } from '../parse.ts';
import { fields } from '../table.ts';

interface AddOptions {
  operator?: string;
  log?: string;
  quorum?: string;
  tsaRoot?: string;
}

export function define(program: Command, context: Context): void {
  const trust = program.command('trust').description('The registries whose proofs you accept.');

  trust
    .command('show')
    .description('Show whom you trust.')
    .addHelpText('after', '\nExample:\n  $ muniment trust show')
    .action(async () => {
      const { trustOf } = await import('../trust-store.ts');
      const { trustFile } = await context.settings();
      const trust = await trustOf(context);
      const { logs } = trust;
      const tsaRoots = trust.tsaRoots === undefined ? [] : (await import('../tsa-roots.ts')).rootNames(trust);
      context.print({ file: trustFile, logs, tsaRoots }, () =>
        logs.length + tsaRoots.length === 0
          ? `Nobody yet ("muniment trust add KEY" or "muniment trust pin").\n`
          : [
              ...logs.map(({ origin, verifierKey, operator, witnesses, quorum }) =>
                fields([
                  ['log', origin],
                  ['key', verifierKey],
                  ['operator', operator],
                  [
                    'witnesses',
                    witnesses?.map((witness) => `${witness.verifierKey}  (${witness.operator})`).join('\n'),
                  ],
                  ['quorum', quorum === undefined ? undefined : `${quorum} operators beside its own`],
                ]),
              ),
              ...tsaRoots.map((name) => fields([['time under', name]])),
            ].join('\n'),
      );
    });

  trust
    .command('add')
    .description('Accept the proofs of a registry, or the cosignatures of a witness, by a key from a source you trust.')
    .argument('[key]', 'the verifier key of a log, or of a witness (with --log and --operator)')
    .option('--operator <name>', 'who runs it; witnesses of the operator of the log do not count')
    .option('--log <name>', 'the log that the witness vouches for')
    .option('--quorum <n>', 'so many operators beside its own must have cosigned what the log shows')
    .option('--tsa-root <file>', 'root certificates (PEM) of timestamp authorities whose word on time you accept')
    .addHelpText(
      'after',
      '\nExample:\n  $ muniment trust add "log.example.org/muniment/1a2b3c4d+5e6f7a8b+Ab12…" --operator "Example Registry"' +
        '\n  $ muniment trust add "witness.example/w1+aa4a09d1+BOpK…" --log log.example.org/muniment/1a2b3c4d --operator "Someone Else" --quorum 1' +
        '\n  $ muniment trust add --tsa-root tsa-root.pem',
    )
    .action(async (text: string | undefined, options: AddOptions) => {
      const { tsaRoot } = options;
      if ((text === undefined) === (tsaRoot === undefined)) {
        throw new RegistryError('usage', 'Name a key, or a file with --tsa-root: one of the two.', {
          fix: 'See --help.',
        });
      }
      if (text === undefined) {
        const { trustRoots } = await import('../tsa-roots.ts');
        const { trustFile } = await context.settings();
        const { names, added } = await trustRoots(trustFile, tsaRoot!);
        context.print({ tsaRoots: names, added, file: trustFile }, () =>
          names.map((name) => `Timestamps under ${name} are accepted from now on.\n`).join(''),
        );
        return;
      }
      const key = text.trim();
      const { operator, log } = options;
      const quorum = options.quorum === undefined ? undefined : wholeNumberOf(options.quorum);
      const [{ pin, pinWitness }, { isWitnessKey }, { sha256 }] = await Promise.all([
        import('../trust-store.ts'),
        import('../../core/trust/index.ts'),
        import('../../platform/crypto.ts'),
      ]);
      const { trustFile } = await context.settings();
      if (!isWitnessKey(sha256, key)) {
        if (log !== undefined)
          throw new RegistryError('usage', 'The key is one of a log: leave --log out.', { field: 'log' });
        const { origin, added } = await pin(trustFile, key, { operator, quorum });
        context.print({ origin, key, added, file: trustFile }, () =>
          added
            ? `The proofs of ${origin} are accepted from now on.\n`
            : `The proofs of ${origin} are accepted already.\n`,
        );
        return;
      }
      if (log === undefined || operator === undefined) {
        throw new RegistryError('usage', 'The key is one of a witness: say for which log, and who runs it.', {
          field: log === undefined ? 'log' : 'operator',
          fix: 'Name them with --log and --operator.',
        });
      }
      const added = await pinWitness(trustFile, log, { verifierKey: key, operator }, quorum);
      context.print({ origin: log, witness: key, operator, added, file: trustFile }, () =>
        added
          ? `The cosignatures of ${operator} on ${log} are accepted from now on.\n`
          : `The cosignatures of ${operator} on ${log} are accepted already.\n`,
      );
    });

  trust
    .command('pin')
    .description(
      'Accept the key that the server itself shows. It protects from now on, not against a server that lies today.',
    )
    .option('--operator <name>', 'who runs the registry; its own witnesses do not count')
    .addHelpText('after', '\nExample:\n  $ muniment trust pin --url https://registry.example.org')
    .action(async ({ operator }: { operator?: string }) => {
      const { claimedKey, pin } = await import('../trust-store.ts');
      const client = await context.client();
      const { trustFile } = await context.settings();
      const { verifierKey } = await claimedKey(client);
      const { origin, added } = await pin(trustFile, verifierKey, { operator });
      context.print({ origin, key: verifierKey, added, file: trustFile }, () =>
        fields([
          ['log', origin],
          ['key', verifierKey],
          ['pinned', added ? 'now' : 'before'],
        ]),
      );
    });
}
