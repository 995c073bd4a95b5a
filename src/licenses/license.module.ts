import { Module } from '@nestjs/common';
import { GrantController } from './grant.controller.ts';
import { GrantNotices } from './grant-notices.ts';
import { GrantService } from './grant.service.ts';
import { LicenseController } from './license.controller.ts';
import { LicenseService } from './license.service.ts';
import { LineageController } from './lineage.controller.ts';
import { LineageService } from './lineage.service.ts';
import { ObligationsController } from './obligations.controller.ts';
import { ObligationsService } from './obligations.service.ts';
import { ReleaseController } from './release.controller.ts';
import { ReleaseService } from './release.service.ts';

@Module({
  controllers: [LicenseController, GrantController, LineageController, ObligationsController, ReleaseController],
  providers: [LicenseService, GrantService, GrantNotices, LineageService, ObligationsService, ReleaseService],
  exports: [GrantService, ObligationsService],
})
export class LicenseModule {}
