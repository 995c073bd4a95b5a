import { Module } from '@nestjs/common';
import { DatasetModule } from '../datasets/index.ts';
import { ModelModule } from '../models/index.ts';
import { PartyModule } from '../parties/index.ts';
import { ProtectionModule } from '../protection/index.ts';
import { DisclosureService } from './disclosure.service.ts';
import { ExchangeController } from './exchange.controller.ts';

@Module({
  imports: [PartyModule, DatasetModule, ModelModule, ProtectionModule],
  controllers: [ExchangeController],
  providers: [DisclosureService],
})
export class ExchangeModule {}
