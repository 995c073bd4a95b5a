import { Module } from '@nestjs/common';
import { GrantController } from './grant.controller.ts';
import { GrantService } from './grant.service.ts';

@Module({ controllers: [GrantController], providers: [GrantService], exports: [GrantService] })
export class LicenseModule {}
