/**
 * The job queues. Making one is DDL, so `migrate` makes them with the owner's login; the application only uses them.
 * pg-boss lets a job run 23 hours at most; a worker that died is noticed long before that (jobs.ts).
 */
export const JOBS_SCHEMA = 'pgboss';

export const QUEUES = {
  training: { retryLimit: 20, retryDelay: 0, retryBackoff: false, expireInHours: 23, retentionDays: 365 },
  // The same files have the same finding: what a worker dies of ten times, the next one would die of, too.
  'lineage-check': { retryLimit: 10, retryDelay: 1, retryBackoff: true, expireInHours: 23, retentionDays: 14 },
  // Each job says how often and after what pause it is tried again.
  'webhook-delivery': { retryLimit: 12, retryDelay: 10, retryBackoff: true, expireInHours: 1, retentionDays: 14 },
} as const;

export type QueueName = keyof typeof QUEUES;
