/** The database that this process works on, whoever started it. Serves as the injection token. */
import type { Secret } from '../config/index.ts';

export abstract class Database {
  /** `embedded`: a server in the data folder, started by this process or by another one; `external`: `DATABASE_URL`. */
  abstract readonly mode: 'embedded' | 'external';
  /** Login of the application: role `muniment_app` or a member of it. */
  abstract readonly appUrl: Secret<string>;
  /** Login of the owner of schemas and tables: migrations, and nothing else. */
  abstract readonly ownerUrl: Secret<string>;
  /** `false` when one login serves for both: what the application may not do is then held by triggers alone. */
  abstract readonly separateRoles: boolean;
  /** e.g. `18.4` */
  abstract readonly version: string;
  /** Stops an embedded server that this process started; otherwise does nothing. Safe to call twice. */
  abstract close(): Promise<void>;
}
