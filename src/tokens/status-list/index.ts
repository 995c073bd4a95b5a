/** Status lists by themselves: no Nest, no database, no network. What the command line and a gate stand on. */
export { decodeList, encodeList } from './list.ts';
export type { StatusList, StatusQuestion } from './status-token.ts';
export {
  readStatusList,
  requireCounts,
  requireFresh,
  signStatusList,
  STATUS_LIST_MEDIA_TYPE,
  verifyStatusList,
} from './status-token.ts';
