import { Module } from '@nestjs/common';
import { LicenseModule } from '../licenses/index.ts';
import { ClientAuthentication } from './client-authentication.ts';
import { FlowingDuties } from './flowing-duties.ts';
import { GenuineTokens } from './genuine-tokens.ts';
import { Holders } from './holders.ts';
import { Issuer } from './issuer.ts';
import { OAuthController } from './oauth.controller.ts';
import { OAuthErrors } from './oauth-errors.ts';
import { Refusals } from './refusals.ts';
import { StatusController } from './status.controller.ts';
import { StatusLists } from './status-lists.ts';
import { StatusPlaces } from './status-places.ts';
import { TokenBatches } from './token-batches.ts';
import { TokenIssuance } from './token-issuance.ts';
import { TokenKeys } from './token-keys.ts';
import { TokenController } from './token.controller.ts';
import { TokenService } from './token.service.ts';

@Module({
  imports: [LicenseModule],
  controllers: [OAuthController, TokenController, StatusController],
  providers: [
    FlowingDuties,
    TokenIssuance,
    GenuineTokens,
    Holders,
    TokenService,
    TokenKeys,
    TokenBatches,
    StatusPlaces,
    StatusLists,
    Issuer,
    ClientAuthentication,
    OAuthErrors,
    Refusals,
  ],
  exports: [TokenService, GenuineTokens, Holders, Refusals, TokenKeys, TokenBatches, Issuer],
})
export class TokenModule {}
