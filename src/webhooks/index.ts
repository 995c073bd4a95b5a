export { WebhookModule } from './webhook.module.ts';
export { EventTypes } from './event-types.ts';
export type { EventType } from './event-types.ts';
