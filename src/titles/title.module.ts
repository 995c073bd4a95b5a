import { Module } from '@nestjs/common';
import { PartyModule } from '../parties/index.ts';
import { InstrumentController, PortfolioController, TitleController } from './title.controller.ts';
import { Lapses } from './lapses.ts';
import { TitleService } from './title.service.ts';

@Module({
  imports: [PartyModule],
  controllers: [InstrumentController, TitleController, PortfolioController],
  providers: [TitleService, Lapses],
  exports: [TitleService],
})
export class TitleModule {}
