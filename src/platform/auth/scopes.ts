/**
 * What an API key may do. A key carries the scopes it was made with; a route names the one it needs. The registrar's
 * role stands in for every scope except a party's own writes that the party has to sign: those are refused by the
 * ledger, not here. An auditor may read everything and write nothing.
 */
export const SCOPES = {
  read: 'See what the party may see: its own records and public ones',
  'parties:write': "Change the party's own record, keys and members",
  'datasets:write': 'Register dataset versions',
  'runs:write': 'Start, cancel and resume trainings',
  'models:write': 'Register models and upload their artifacts',
  'titles:write': 'Offer, accept and release instruments of title; claim, merge and split',
  'licenses:write': 'Offer, accept, suspend and end licenses and grants',
  'webhooks:write': 'Register and remove webhooks, replace their secrets, send deliveries again',
  'tokens:issue': 'Issue, exchange and revoke license tokens under a grant',
  'usage:write': 'Report uses of models, lease calls and hold seats under a grant',
} as const;

export type Scope = keyof typeof SCOPES;
export type Role = 'registrar' | 'auditor';

/** What a route may ask for: anybody, any valid key, a scope, or a role. */
export type Requirement = 'public' | 'authenticated' | Scope | Role;

export const SCOPE_NAMES = Object.keys(SCOPES) as Scope[];

export const isScope = (text: string): text is Scope => Object.hasOwn(SCOPES, text);
export const isRole = (text: string): text is Role => text === 'registrar' || text === 'auditor';
