export { DSSE_MEDIA_TYPE, FORM_MEDIA_TYPE } from './body-parsers.ts';
export { isHad, takesGzip } from './client-headers.ts';
export { createApp } from './create-app.ts';
export type { App } from './create-app.ts';
export { isDatabaseGone } from './problem.filter.ts';
