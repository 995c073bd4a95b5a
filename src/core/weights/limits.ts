/** How much a model may be, whatever its container says. */

/** The largest published models have below 100,000 tensors over all files. */
export const MAX_TENSORS = 250_000;
/** NumPy stops at 64 dimensions, PyTorch at 64. */
export const MAX_RANK = 64;
/** Deflate makes at most 1,032 bytes of one (RFC 1951: 258 bytes of two bits). */
export const MAX_INFLATION = 1032;
