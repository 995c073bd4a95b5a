/** SQLSTATE 53100 (disk full), or what the file system says of a full disk or a used-up quota. */
export function isStorageFull(error: unknown): boolean {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: { code?: unknown } };
  return [code, driverError?.code].some((one) => one === '53100' || one === 'ENOSPC' || one === 'EDQUOT');
}
