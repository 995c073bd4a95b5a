import { Module } from '@nestjs/common';
import { PartyController } from './party.controller.ts';
import { PartyService } from './party.service.ts';
import { RegistrarKey } from './registrar-key.ts';

@Module({
  controllers: [PartyController],
  providers: [PartyService, RegistrarKey],
  exports: [PartyService],
})
export class PartyModule {}
