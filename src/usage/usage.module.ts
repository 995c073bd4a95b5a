import { Module } from '@nestjs/common';
import { LicenseModule } from '../licenses/index.ts';
import { TokenModule } from '../tokens/index.ts';
import { CountableGrants } from './countable-grants.ts';
import { SeatService } from './seat.service.ts';
import { UsageController } from './usage.controller.ts';
import { UsageService } from './usage.service.ts';

@Module({
  imports: [LicenseModule, TokenModule],
  controllers: [UsageController],
  providers: [UsageService, SeatService, CountableGrants],
})
export class UsageModule {}
