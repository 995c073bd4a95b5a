import { Module } from '@nestjs/common';
import { BehaviourController } from './behaviour.controller.ts';

@Module({ controllers: [BehaviourController] })
export class BehaviourModule {}
