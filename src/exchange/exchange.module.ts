import { Module } from '@nestjs/common';
import { ModelModule } from '../models/index.ts';
import { ExchangeController } from './exchange.controller.ts';

@Module({ imports: [ModelModule], controllers: [ExchangeController] })
export class ExchangeModule {}
