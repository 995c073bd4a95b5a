import { Module } from '@nestjs/common';
import { Deliverer } from './deliverer.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventTypes } from './event-types.ts';
import { WebhookController } from './webhook.controller.ts';
import { WebhookService } from './webhook.service.ts';

@Module({
  controllers: [WebhookController],
  providers: [WebhookService, EventTypes, Dispatcher, Deliverer],
  exports: [EventTypes],
})
export class WebhookModule {}
