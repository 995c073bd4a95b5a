import { Module } from '@nestjs/common';
import { ModelModule } from '../models/index.ts';
import { FingerprintController } from './fingerprint.controller.ts';
import { FingerprintService } from './fingerprint.service.ts';

@Module({ imports: [ModelModule], controllers: [FingerprintController], providers: [FingerprintService] })
export class FingerprintModule {}
