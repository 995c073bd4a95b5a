import { Module } from '@nestjs/common';
import { MapController } from './map.controller.ts';
import { ProvenanceController } from './provenance.controller.ts';
import { ProvenanceService } from './provenance.service.ts';

@Module({ controllers: [ProvenanceController, MapController], providers: [ProvenanceService] })
export class ProvenanceModule {}
