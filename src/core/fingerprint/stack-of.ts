/**
 * The stack of an opened container: by what the container tells of how its tensors work together, else by their names.
 * Nothing of the data is read before all layers have found their places.
 */
import type { OpenedWeights } from '../weights/inspect.ts';
import { assemble } from './assemble.ts';
import { stepsByName } from './name-order.ts';
import { numbersOf } from './numbers.ts';
import type { Stack } from './stack.ts';

/** @throws RegistryError `stack_unknown`; `malformed_container` when the data is not what the container says */
export async function stackOf({ tensors }: OpenedWeights): Promise<Stack> {
  return assemble(stepsByName(tensors.map((tensor) => numbersOf(tensor))));
}
