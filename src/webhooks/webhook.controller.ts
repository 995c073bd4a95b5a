import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Principal } from '../platform/auth/index.ts';
import { CurrentPrincipal, Requires } from '../platform/auth/index.ts';
import type { CreateWebhook } from './webhook.schema.ts';
import {
  createWebhookSchema,
  deliveriesQuery,
  deliveryParams,
  deliveryView,
  eventTypeView,
  rotateSecretSchema,
  webhookCreated,
  webhookParams,
  webhookView,
} from './webhook.schema.ts';
import { WebhookService } from './webhook.service.ts';

type Id = z.infer<typeof webhookParams>;

@ApiTags('webhooks')
@Controller('v1')
export class WebhookController {
  constructor(private readonly webhooks: WebhookService) {}

  /** What webhooks can tell. */
  @Get('webhook-events')
  @Requires('public')
  @ApiResponse({ status: 200, standardSchema: z.array(eventTypeView) })
  events() {
    return this.webhooks.eventTypes();
  }

  /** Registers an address that is told what goes on record from now on. The secret is told this once. */
  @Post('webhooks')
  @Requires('webhooks:write')
  @ApiResponse({ status: 201, standardSchema: webhookCreated })
  create(@CurrentPrincipal() principal: Principal, @Body({ schema: createWebhookSchema }) body: CreateWebhook) {
    return this.webhooks.create(principal, body);
  }

  @Get('webhooks')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(webhookView) })
  list(@CurrentPrincipal() principal: Principal) {
    return this.webhooks.list(principal);
  }

  @Get('webhooks/:id')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: webhookView })
  get(@CurrentPrincipal() principal: Principal, @Param({ schema: webhookParams }) { id }: Id) {
    return this.webhooks.get(principal, id);
  }

  @Delete('webhooks/:id')
  @Requires('webhooks:write')
  @HttpCode(204)
  @ApiResponse({ status: 204, description: 'Removed; what waited for it is not sent' })
  remove(@CurrentPrincipal() principal: Principal, @Param({ schema: webhookParams }) { id }: Id) {
    return this.webhooks.remove(principal, id);
  }

  /** Replaces the secret; for a while both sign, so that the receiver can be changed in between. */
  @Post('webhooks/:id/secret')
  @Requires('webhooks:write')
  @ApiResponse({ status: 201, standardSchema: webhookCreated })
  rotate(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: webhookParams }) { id }: Id,
    @Body({ schema: rotateSecretSchema }) { overlapSeconds }: z.infer<typeof rotateSecretSchema>,
  ) {
    return this.webhooks.rotate(principal, id, overlapSeconds);
  }

  /** What was sent to a webhook, or waits to be, newest first. */
  @Get('webhooks/:id/deliveries')
  @Requires('read')
  @ApiResponse({ status: 200, standardSchema: z.array(deliveryView) })
  deliveries(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: webhookParams }) { id }: Id,
    @Query({ schema: deliveriesQuery }) query: z.infer<typeof deliveriesQuery>,
  ) {
    return this.webhooks.deliveries(principal, id, query);
  }

  /** Sends a delivery again, under the same id and with all its tries. */
  @Post('webhooks/:id/deliveries/:deliveryId/replay')
  @Requires('webhooks:write')
  @HttpCode(202)
  @ApiResponse({ status: 202, standardSchema: deliveryView })
  replay(
    @CurrentPrincipal() principal: Principal,
    @Param({ schema: deliveryParams }) { id, deliveryId }: z.infer<typeof deliveryParams>,
  ) {
    return this.webhooks.replay(principal, id, deliveryId);
  }
}
