/** Half precision (IEEE 754 binary16) and bfloat16, rounded to nearest, ties to even, as every common writer does. */

const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);
const single = new Float32Array(1);
const singleWord = new Uint32Array(single.buffer);
/** Words of a double come in the order of the machine. */
const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** Adding and taking away 2^52 rounds what is below 2^51 to a whole number, ties to even. */
const WHOLE = 2 ** 52;
const LARGEST_HALF = 65_520;
const SMALLEST_NORMAL = 2 ** -14;

export function toHalf(value: number): number {
  double[0] = value;
  const sign = (doubleWords[HIGH]! >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return sign | 0x7e00;
  if (magnitude >= LARGEST_HALF) return sign | 0x7c00;
  // Rounded up to the smallest normal one, or to the next power of two, the bits carry over into the exponent.
  if (magnitude < SMALLEST_NORMAL) return sign | (magnitude * 2 ** 24 + WHOLE - WHOLE);
  const exponent = ((doubleWords[HIGH]! >>> 20) & 0x7ff) - 1023;
  const mantissa = magnitude * 2 ** (10 - exponent) + WHOLE - WHOLE;
  return sign | (((exponent + 15) << 10) + (mantissa - 1024));
}

export function fromHalf(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

export function toBfloat(value: number): number {
  single[0] = value;
  const bits = singleWord[0]!;
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

export function fromBfloat(bits: number): number {
  singleWord[0] = bits << 16;
  return single[0]!;
}
