/** Groups of licenses that rules of other families name. */
export const OPEN_RAIL = [
  'LicenseRef-BigScience-BLOOM-RAIL-1.0',
  'LicenseRef-BigScience-OpenRAIL-M',
  'LicenseRef-CreativeML-OpenRAIL-M',
  'LicenseRef-OpenRAIL-PP-M',
] as const;
export const LLAMA_2 = ['LicenseRef-Llama-2'] as const;
export const LLAMA_3 = ['LicenseRef-Llama-3'] as const;
export const LLAMA_3_1 = [
  'LicenseRef-Llama-3.1',
  'LicenseRef-Llama-3.2',
  'LicenseRef-Llama-3.3',
  'LicenseRef-Llama-4',
] as const;
export const GEMMA = ['LicenseRef-Gemma'] as const;
export const META_RESEARCH = ['LicenseRef-OPT-175B', 'LicenseRef-SEER'] as const;
export const NON_COMMERCIAL = [
  'CC-BY-NC-3.0',
  'CC-BY-NC-4.0',
  'CC-BY-NC-ND-3.0',
  'CC-BY-NC-ND-4.0',
  'CC-BY-NC-SA-3.0',
  'CC-BY-NC-SA-4.0',
] as const;
export const MODELGO_LIMITED = [
  'LicenseRef-MG-BY-NC-2.0',
  'LicenseRef-MG-BY-NC-ND-2.0',
  'LicenseRef-MG-BY-NC-RAI-2.0',
  'LicenseRef-MG-BY-ND-2.0',
  'LicenseRef-MG-BY-RAI-2.0',
] as const;

/** Licenses that limit the use of what is made from the model. */
export const USE_LIMITING = [
  ...OPEN_RAIL,
  ...LLAMA_2,
  ...LLAMA_3,
  ...LLAMA_3_1,
  ...GEMMA,
  ...META_RESEARCH,
  ...NON_COMMERCIAL,
  ...MODELGO_LIMITED,
] as const;
