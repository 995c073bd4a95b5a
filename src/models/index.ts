export { ModelModule } from './model.module.ts';
export type { ModelView } from './model.schema.ts';
export { modelView, namedContributors } from './model.schema.ts';
export { ModelService } from './model.service.ts';
