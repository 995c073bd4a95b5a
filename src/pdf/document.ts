/**
 * A document of plain parts as PDF, to be printed, searched and read in court: A4, page numbers, fonts embedded, text that
 * can be copied. The same parts give the same bytes.
 */
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import PDFDocument from 'pdfkit';
import type { Fonts, Weight } from './fonts.ts';
import { fontsFor } from './fonts.ts';

export type Part =
  | { readonly kind: 'title' | 'heading' | 'lead' | 'text' | 'warning'; readonly text: string }
  /** Labels and what stands beside them */
  | { readonly kind: 'fields'; readonly rows: readonly (readonly [label: string, value: string])[] };

export interface DocumentFacts {
  readonly title: string;
  /** At the foot of each page, before its number */
  readonly foot: string;
  /** When the document is said to be made: a day of its content, never the clock's */
  readonly created: Date;
}

const MARGIN = 56;
const FOOT = 34;
const LABEL_WIDTH = 96;
const STYLES = {
  title: { size: 20, weight: 'bold', color: '#111111', before: 0, after: 6 },
  heading: { size: 13, weight: 'bold', color: '#1f3a5f', before: 16, after: 4 },
  lead: { size: 10.5, weight: 'bold', color: '#111111', before: 9, after: 2 },
  text: { size: 9.5, weight: 'regular', color: '#222222', before: 0, after: 3 },
  warning: { size: 9.5, weight: 'bold', color: '#8a3b00', before: 1, after: 2 },
} as const;
const LABEL = { size: 8.5, weight: 'regular', color: '#666666' } as const;
const VALUE = { size: 8.5, weight: 'regular', color: '#222222' } as const;

interface Style {
  readonly size: number;
  readonly weight: Weight;
  readonly color: string;
}

/** @param open the place to write it to; asked for when the fonts are there */
export async function writePdf(facts: DocumentFacts, parts: readonly Part[], open: () => Writable): Promise<void> {
  const fonts = await fontsFor(textsOf(facts, parts));
  const doc = new PDFDocument({
    size: 'A4',
    margins: { top: MARGIN, bottom: MARGIN, left: MARGIN, right: MARGIN },
    info: { Title: facts.title, Creator: 'Muniment', CreationDate: facts.created, ModDate: facts.created },
    lang: 'en',
    displayTitle: true,
    pdfVersion: '1.7',
    bufferPages: true,
    // None of the fonts that a reader is thought to have.
    font: '',
  });
  const written = pipeline(doc, open());
  for (const [name, font] of fonts.all) doc.registerFont(name, font);
  for (const part of parts) {
    if (part.kind === 'fields') writeFields(doc, fonts, part.rows);
    else writeText(doc, fonts, part.text, STYLES[part.kind]);
  }
  writeFeet(doc, fonts, facts.foot);
  doc.end();
  await written;
}

function* textsOf({ foot }: DocumentFacts, parts: readonly Part[]): Iterable<string> {
  yield `${foot} · page of 0123456789`;
  for (const part of parts) yield* part.kind === 'fields' ? part.rows.flat() : [part.text];
}

function writeText(
  doc: PDFKit.PDFDocument,
  fonts: Fonts,
  text: string,
  style: Style & { before: number; after: number },
): void {
  if (doc.y > MARGIN) doc.y += style.before;
  keepTogether(doc, style.size * 3);
  write(doc, fonts, text, style, MARGIN, doc.page.width - 2 * MARGIN);
  doc.y += style.after;
}

function writeFields(doc: PDFKit.PDFDocument, fonts: Fonts, rows: readonly (readonly [string, string])[]): void {
  for (const [label, value] of rows) {
    keepTogether(doc, LABEL.size * 2);
    const { y } = doc;
    write(doc, fonts, label, LABEL, MARGIN, LABEL_WIDTH);
    doc.y = y;
    const left = MARGIN + LABEL_WIDTH + 8;
    for (const line of value.split('\n')) write(doc, fonts, line, VALUE, left, doc.page.width - MARGIN - left);
    doc.y += 1.5;
  }
}

/** Begins a page where so much would not fit. */
function keepTogether(doc: PDFKit.PDFDocument, height: number): void {
  if (doc.y + height > doc.page.height - MARGIN) doc.addPage();
}

function write(doc: PDFKit.PDFDocument, fonts: Fonts, text: string, style: Style, x: number, width: number): void {
  const runs = fonts.runs(text, style.weight);
  doc.fontSize(style.size).fillColor(style.color);
  runs.forEach((run, i) => {
    const options = { width, continued: i < runs.length - 1, lineGap: 1.5 };
    doc.font(run.font);
    if (i === 0) doc.text(run.text, x, doc.y, options);
    else doc.text(run.text, options);
  });
}

function writeFeet(doc: PDFKit.PDFDocument, fonts: Fonts, foot: string): void {
  const { start, count } = doc.bufferedPageRange();
  for (let page = start; page < start + count; page++) {
    doc.switchToPage(page);
    // The foot stands in the margin, where pdfkit would begin another page.
    doc.page.margins.bottom = 0;
    doc.y = doc.page.height - FOOT;
    write(doc, fonts, `${foot} · page ${page + 1} of ${count}`, LABEL, MARGIN, doc.page.width - 2 * MARGIN);
  }
}
