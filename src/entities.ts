/** Every entity of the application, for the application, TypeORM's command line and the drift test alike. */
import type { Entities } from './platform/database/index.ts';

export const ENTITIES: Entities = [];
