import { Module } from '@nestjs/common';
import { DatasetModule } from '../datasets/index.ts';
import { ModelModule } from '../models/index.ts';
import { ProtectionController } from './protection.controller.ts';
import { ProtectionService } from './protection.service.ts';

@Module({
  imports: [DatasetModule, ModelModule],
  controllers: [ProtectionController],
  providers: [ProtectionService],
  exports: [ProtectionService],
})
export class ProtectionModule {}
