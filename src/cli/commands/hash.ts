/** `muniment hash PATH`: the digests by which a model file can be looked up. Reads the file and tells nobody. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { bytes, count, fields } from '../table.ts';
import { hashModel } from '../hash-model.ts';

export function define(program: Command, context: Context): void {
  program
    .command('hash')
    .description('Print the digests by which a model file can be looked up. Nothing leaves this machine.')
    .argument('<path>', 'file of weights, e.g. model.safetensors')
    .addHelpText('after', '\nExample:\n  $ muniment hash model.safetensors')
    .action(async (path: string) => {
      const report = await hashModel(context.io, path);
      context.print(report, () =>
        fields([
          ['file digest', report.fileDigest],
          ['weight digest', report.weightDigest ?? 'none: the container cannot be read'],
          ['nameless digest', report.namelessDigest ?? undefined],
          ['container', report.container],
          ['tensors', report.tensors === null ? undefined : count(report.tensors)],
          ['parameters', report.parameters === null ? undefined : count(report.parameters)],
          ['size', bytes(report.bytes)],
        ]),
      );
    });
}
