import { Module } from '@nestjs/common';
import { GrantController } from './grant.controller.ts';
import { GrantService } from './grant.service.ts';
import { LicenseController } from './license.controller.ts';
import { LicenseService } from './license.service.ts';

@Module({
  controllers: [LicenseController, GrantController],
  providers: [LicenseService, GrantService],
  exports: [GrantService],
})
export class LicenseModule {}
