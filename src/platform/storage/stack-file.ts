/** The stack of a model on this machine, for its fingerprint: its weights are read and stay here. */
import { stat } from 'node:fs/promises';
import { stackOf } from '../../core/fingerprint/stack-of.ts';
import type { Stack } from '../../core/fingerprint/stack.ts';
import { stackUnknown } from '../../core/fingerprint/stack.ts';
import { containerCalled, openWeights } from '../../core/weights/inspect.ts';
import { ModelFiles } from './model-files.ts';
import { mainFileIn } from './model-folder.ts';

/**
 * @param path a file of weights, the main one of several, or a folder that holds one model
 * @throws RegistryError `stack_unknown` when its layers cannot be put in order; `not_found`, `usage`, `invalid_input`;
 *   `malformed_container`, `unsupported_container`; `state_conflict` when a file changes meanwhile
 */
export async function stackOfFile(path: string): Promise<Stack> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const main = isFolder ? await mainFileIn(path) : path;
  const container = containerCalled(main);
  const files = new ModelFiles(main);
  try {
    const opened = await openWeights(await files.open(files.main), {
      siblings: files,
      ...(container === undefined ? {} : { container }),
    });
    if (opened === undefined) {
      throw stackUnknown('The file is of no container of weights that is read here.', files.main);
    }
    const stack = await stackOf(opened);
    await files.requireUnchanged();
    return stack;
  } finally {
    await files.close();
  }
}
