import { Module } from '@nestjs/common';
import { DatasetController } from './dataset.controller.ts';
import { DatasetService } from './dataset.service.ts';

@Module({ controllers: [DatasetController], providers: [DatasetService], exports: [DatasetService] })
export class DatasetModule {}
