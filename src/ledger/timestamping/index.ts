export { readRoots } from './roots.ts';
export { TimestampController } from './timestamp.controller.ts';
export { Timestamping, TSA_ROOTS } from './timestamping.service.ts';
