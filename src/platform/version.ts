/** The version of this package, from the nearest package.json above: built files lie one folder deeper than sources. */
import { existsSync, readFileSync } from 'node:fs';

const above = ['../../package.json', '../../../package.json'].map((path) => new URL(path, import.meta.url));
const own = above.find((url) => existsSync(url));

export const VERSION: string = own ? (JSON.parse(readFileSync(own, 'utf8')) as { version: string }).version : '0.0.0';
