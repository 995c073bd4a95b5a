export { HealthModule } from './health.module.ts';
export { HealthRegistry } from './health-registry.ts';
export type { Check, CheckResult, HealthReport } from './health-registry.ts';
