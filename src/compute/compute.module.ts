import { Module } from '@nestjs/common';
import { ComputeController } from './compute.controller.ts';
import { ComputeService } from './compute.service.ts';

@Module({ controllers: [ComputeController], providers: [ComputeService], exports: [ComputeService] })
export class ComputeModule {}
