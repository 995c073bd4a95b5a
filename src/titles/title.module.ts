import { Module } from '@nestjs/common';
import { InstrumentController, PortfolioController, TitleController } from './title.controller.ts';
import { Lapses } from './lapses.ts';
import { TitleService } from './title.service.ts';

@Module({
  controllers: [InstrumentController, TitleController, PortfolioController],
  providers: [TitleService, Lapses],
  exports: [TitleService],
})
export class TitleModule {}
