export { AccessGuard, judge } from './access.guard.ts';
export { AuthenticatorRegistry, CurrentPrincipal } from './principal.ts';
export type { AuthenticatedRequest, Authenticator, Principal } from './principal.ts';
export { Requires } from './requires.ts';
export { listRoutes } from './routes.ts';
export type { RouteAccess } from './routes.ts';
export { isRole, isScope, SCOPE_NAMES, SCOPES } from './scopes.ts';
export type { Requirement, Role, Scope } from './scopes.ts';
