export * from './license-token/index.ts';
export { DPOP_ALGORITHMS } from './dpop/index.ts';
export { GenuineTokens } from './genuine-tokens.ts';
export { Holders } from './holders.ts';
export { Issuer } from './issuer.ts';
export { TokenBatches } from './token-batches.ts';
export { TokenKeys } from './token-keys.ts';
export { TokenModule } from './token.module.ts';
export { TokenService } from './token.service.ts';
