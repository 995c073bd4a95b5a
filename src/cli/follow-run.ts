/** Following a training that the registry's workers make. */
import { RegistryError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { follow } from './follow.ts';
import { percent } from './table.ts';
import type { RunEpoch, RunView } from './views.ts';

const FINAL = ['trained', 'registered', 'failed', 'cancelled'];

/** @returns the run in its final state @throws RegistryError `cancelled` when the watcher looks away */
export function followRun(context: Context, { id, hyperparameters }: RunView): Promise<RunView> {
  const of = (hyperparameters as { epochs?: number }).epochs;
  return follow<RunView, RunEpoch>(context, {
    path: `/v1/runs/${id}`,
    doing: 'Training',
    isOver: ({ state }) => FINAL.includes(state),
    endedWell: ({ state }) => state === 'trained' || state === 'registered',
    tell: ({ epoch, loss, testAccuracy, seconds }) =>
      `epoch ${epoch}${of === undefined ? '' : `/${of}`}: loss ${loss.toFixed(4)}, ${percent(testAccuracy)} of the test images right, ${seconds.toFixed(1)} s`,
    leave: {
      question: '\nEnd the training (c), or let it go on without you (any other key)? ',
      ended: () => new RegistryError('cancelled', `The training ${id} was cancelled.`),
      left: () =>
        new RegistryError('cancelled', `The training ${id} goes on.`, {
          fix: `Follow it with "muniment train watch ${id}".`,
        }),
    },
  });
}
