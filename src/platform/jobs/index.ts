export { Jobs } from './jobs.ts';
export type { JobState, SendOptions, Transaction } from './jobs.ts';
export { JOBS_SCHEMA, QUEUES } from './queues.ts';
export type { QueueName } from './queues.ts';
export type { Job, JobHandler, Worker } from './worker.ts';
