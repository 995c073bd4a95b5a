export { BehaviourModule } from './behaviour.module.ts';
