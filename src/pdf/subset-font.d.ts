declare module 'subset-font' {
  /** The glyphs of `text` as a font of their own, with its variable axes pinned. */
  export default function subsetFont(
    font: Buffer,
    text: string,
    options: { targetFormat: 'sfnt' | 'woff' | 'woff2'; variationAxes?: Record<string, number> },
  ): Promise<Buffer>;
}
