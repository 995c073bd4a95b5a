/** The recipe that hyperparameters ask for. */
import type { Hyperparameters } from '../hyperparameters.ts';
import { cnn } from './cnn.ts';
import { mlp } from './mlp.ts';
import type { PictureShape, Recipe } from './recipe.ts';

export { initialValues } from './recipe.ts';
export type { Batch, ParameterSpec, PictureShape, Recipe } from './recipe.ts';

/** @throws RegistryError `invalid_input` when the pictures are too small for the architecture */
export function createRecipe({ arch, hidden }: Hyperparameters, shape: PictureShape): Recipe {
  switch (arch) {
    case 'mlp':
      return mlp(hidden, shape);
    case 'cnn':
      return cnn(hidden, shape);
  }
}
