import { Module } from '@nestjs/common';
import { ProvenanceController } from './provenance.controller.ts';
import { ProvenanceService } from './provenance.service.ts';

@Module({ controllers: [ProvenanceController], providers: [ProvenanceService] })
export class ProvenanceModule {}
