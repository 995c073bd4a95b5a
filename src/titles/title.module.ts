import { Module } from '@nestjs/common';
import { PartyModule } from '../parties/index.ts';
import { ClaimController } from './claim.controller.ts';
import { ClaimService } from './claim.service.ts';
import { InstrumentController, PortfolioController, TitleController } from './title.controller.ts';
import { Lapses } from './lapses.ts';
import { Oppositions } from './oppositions.ts';
import { SuccessionController } from './succession.controller.ts';
import { SuccessionService } from './succession.service.ts';
import { DocumentTimestampController } from './timestamp.controller.ts';
import { TimestampService } from './timestamp.service.ts';
import { TitleService } from './title.service.ts';

@Module({
  imports: [PartyModule],
  controllers: [
    InstrumentController,
    TitleController,
    PortfolioController,
    ClaimController,
    SuccessionController,
    DocumentTimestampController,
  ],
  providers: [TitleService, ClaimService, SuccessionService, TimestampService, Oppositions, Lapses],
  exports: [TitleService],
})
export class TitleModule {}
