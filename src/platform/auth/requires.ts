/** `@Requires('models:write')` on a route or its controller says what the caller needs. A route without it is refused. */
import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import type { Requirement } from './scopes.ts';

export const REQUIREMENT = 'muniment:requires';

export function Requires(requirement: Requirement): MethodDecorator & ClassDecorator {
  return applyDecorators(
    SetMetadata(REQUIREMENT, requirement),
    ...(requirement === 'public' ? [] : [ApiBearerAuth('apiKey')]),
  );
}
