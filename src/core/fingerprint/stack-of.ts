/**
 * The stack of an opened container: by what the container tells of how its tensors work together, else by their names.
 * No weight is read before all layers have found their places.
 */
import type { OpenedWeights } from '../weights/inspect.ts';
import type { Step } from './assemble.ts';
import { assemble } from './assemble.ts';
import { stepsOfKeras } from './keras-steps.ts';
import { stepsByName } from './name-order.ts';
import { numbersOf } from './numbers.ts';
import { stepsOfGraph } from './onnx-steps.ts';
import type { Stack } from './stack.ts';

/** @throws RegistryError `stack_unknown`; `malformed_container` when the data is not what the container says */
export async function stackOf(opened: OpenedWeights): Promise<Stack> {
  return assemble(await stepsOf(opened));
}

async function stepsOf({ tensors, plan: readPlan }: OpenedWeights): Promise<Step[]> {
  const numbers = tensors.map((tensor) => numbersOf(tensor));
  const plan = await readPlan?.();
  // A graph without nodes is a box of tensors.
  if (plan?.kind === 'onnx' && plan.graph.nodes.length > 0) return stepsOfGraph(plan.graph, numbers);
  return plan?.kind === 'keras' ? stepsOfKeras(plan.model, numbers) : stepsByName(numbers);
}
