import { Module } from '@nestjs/common';
import { SealedController } from './sealed.controller.ts';
import { SealedService } from './sealed.service.ts';

@Module({ controllers: [SealedController], providers: [SealedService] })
export class SealedModule {}
