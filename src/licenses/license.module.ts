import { Module } from '@nestjs/common';
import { LicenseController } from './license.controller.ts';
import { LicenseService } from './license.service.ts';

@Module({ controllers: [LicenseController], providers: [LicenseService], exports: [LicenseService] })
export class LicenseModule {}
