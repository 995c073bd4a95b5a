export { BACKENDS, Config, CONFIG_VARIABLES, loadConfig } from './config.ts';
export { Secret } from './secret.ts';
