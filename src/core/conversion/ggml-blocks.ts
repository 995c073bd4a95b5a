/**
 * The block types of ggml that a converter makes from the numbers alone, as its reference functions `quantize_row_*_ref`
 * do it (https://github.com/ggml-org/llama.cpp, ggml/src/ggml-quants.c), and back. A block is 32 elements: scales in half
 * precision, then four-bit numbers of the elements j and j + 16 in byte j; a fifth bit stands in a word of its own.
 *
 * Where the reference adds to a product, compilers may fuse both into one rounding, so two results are right (`fused`).
 * The K types search for their scales and take statistics of the model's use; they are not made anew here.
 */
import { fromHalf, toHalf } from './float-bits.ts';

export const GGML_BLOCKS = ['Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1'] as const;
export type GgmlBlock = (typeof GGML_BLOCKS)[number];

const BLOCK = 32;
const HALF = BLOCK / 2;
const f32 = Math.fround;

interface Layout {
  readonly bytes: number;
  /** Whether a minimum stands beside the scale */
  readonly offset: boolean;
  readonly bits: 4 | 5 | 8;
}

const LAYOUTS: Readonly<Record<GgmlBlock, Layout>> = {
  Q8_0: { bytes: 34, offset: false, bits: 8 },
  Q4_0: { bytes: 18, offset: false, bits: 4 },
  Q4_1: { bytes: 20, offset: true, bits: 4 },
  Q5_0: { bytes: 22, offset: false, bits: 5 },
  Q5_1: { bytes: 24, offset: true, bits: 5 },
};

/** @param values a multiple of 32 of them */
export function toBlocks(type: GgmlBlock, values: Float64Array, fused: boolean): Uint8Array {
  const layout = LAYOUTS[type];
  const blocks = new Uint8Array((values.length / BLOCK) * layout.bytes);
  const view = new DataView(blocks.buffer);
  const block = new Float64Array(BLOCK);
  for (let at = 0, to = 0; at < values.length; at += BLOCK, to += layout.bytes) {
    for (let i = 0; i < BLOCK; i++) block[i] = f32(values[at + i]!);
    if (layout.bits === 8) writeBytes(view, to, block);
    else writeNibbles(view, to, block, layout, fused);
  }
  return blocks;
}

function writeBytes(view: DataView, to: number, block: Float64Array): void {
  let most = 0;
  for (const value of block) most = Math.max(most, Math.abs(value));
  const scale = f32(most / 127);
  const inverse = scale === 0 ? 0 : f32(1 / scale);
  view.setUint16(to, toHalf(scale), true);
  for (let i = 0; i < BLOCK; i++) view.setInt8(to + 2 + i, roundAway(f32(block[i]! * inverse)));
}

/** As C's `roundf` */
const roundAway = (value: number): number => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);

function writeNibbles(view: DataView, to: number, block: Float64Array, layout: Layout, fused: boolean): void {
  const { offset, bits } = layout;
  const levels = 1 << bits;
  const [least, extent] = offset ? range(block) : [0, farthest(block)];
  const scale = f32(offset ? extent / (levels - 1) : extent / -(levels / 2));
  const inverse = scale === 0 ? 0 : f32(1 / scale);
  const half = offset ? 0.5 : levels / 2 + 0.5;
  view.setUint16(to, toHalf(scale), true);
  if (offset) view.setUint16(to + 2, toHalf(least), true);
  const level = (i: number): number => {
    const product = f32(block[i]! - least) * inverse;
    const sum = fused ? f32(product + half) : f32(f32(product) + half);
    return Math.min(levels - 1, Math.trunc(sum));
  };
  const nibbles = to + (offset ? 4 : 2) + (bits === 5 ? 4 : 0);
  let fifth = 0;
  for (let i = 0; i < HALF; i++) {
    const [low, high] = [level(i), level(i + HALF)];
    view.setUint8(nibbles + i, (low & 0x0f) | ((high & 0x0f) << 4));
    fifth |= ((low >> 4) << i) | ((high >> 4) << (i + HALF));
  }
  if (bits === 5) view.setUint32(nibbles - 4, fifth >>> 0, true);
}

/** With its sign; of several the first */
function farthest(block: Float64Array): number {
  let most = 0;
  for (const value of block) if (Math.abs(value) > Math.abs(most)) most = value;
  return most;
}

function range(block: Float64Array): [least: number, extent: number] {
  let [least, most] = [block[0]!, block[0]!];
  for (const value of block) [least, most] = [Math.min(least, value), Math.max(most, value)];
  return [least, f32(most - least)];
}

export function fromBlocks(type: GgmlBlock, blocks: Uint8Array): Float64Array {
  const { bytes, offset, bits } = LAYOUTS[type];
  const view = new DataView(blocks.buffer, blocks.byteOffset, blocks.length);
  const values = new Float64Array((blocks.length / bytes) * BLOCK);
  for (let from = 0, at = 0; from < blocks.length; from += bytes, at += BLOCK) {
    const scale = fromHalf(view.getUint16(from, true));
    const least = offset ? fromHalf(view.getUint16(from + 2, true)) : 0;
    const nibbles = from + (offset ? 4 : 2) + (bits === 5 ? 4 : 0);
    const fifth = bits === 5 ? view.getUint32(nibbles - 4, true) : 0;
    const middle = offset ? 0 : 1 << (bits - 1);
    for (let i = 0; i < BLOCK; i++) {
      if (bits === 8) {
        values[at + i] = f32(view.getInt8(from + 2 + i) * scale);
        continue;
      }
      const byte = view.getUint8(nibbles + (i % HALF));
      const level = (i < HALF ? byte & 0x0f : byte >> 4) | (((fifth >>> i) & 1) << 4);
      values[at + i] = f32(f32((level - middle) * scale) + least);
    }
  }
  return values;
}
