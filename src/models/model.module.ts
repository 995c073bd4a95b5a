import { Module } from '@nestjs/common';
import { ModelController } from './model.controller.ts';
import { ModelService } from './model.service.ts';

@Module({ controllers: [ModelController], providers: [ModelService], exports: [ModelService] })
export class ModelModule {}
