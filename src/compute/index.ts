export { ComputeModule } from './compute.module.ts';
export { ComputeService } from './compute.service.ts';
