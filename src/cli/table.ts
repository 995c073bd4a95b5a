/**
 * Text for people: aligned labels, aligned columns, sizes and times that can be read at a glance. Much of it strangers
 * wrote, who may try to make a terminal show something else: a name that moves the cursor can write a verdict over.
 */

/** `label  value` lines, the labels padded to one width; a value of undefined drops its line. */
export function fields(rows: readonly (readonly [string, string | number | undefined])[]): string {
  const shown = rows.filter(([, value]) => value !== undefined);
  const width = Math.max(...shown.map(([label]) => label.length));
  return shown.map(([label, value]) => `${label.padEnd(width)}  ${indent(String(value), width + 2)}\n`).join('');
}

/** Columns under their headings; the last one is not padded. */
export function columns(headings: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(inOneLine));
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `${cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()}\n`;
  return [headings, widths.map((width) => '─'.repeat(width)), ...rows].map(line).join('');
}

export function bytes(count: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export const count = (value: number): string => value.toLocaleString('en-US');

export const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;

/** Without what a terminal obeys, but for line feeds and tabs, and what turns a line around. */
export const printable = (text: string): string =>
  // eslint-disable-next-line no-control-regex
  text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');

/** So that a text is no more than one row, or one of several lines. */
export const inOneLine = (text: string): string => text.replaceAll(/[\n\r\t\v\f\u0085\u2028\u2029]+/g, ' ');

const indent = (text: string, width: number): string => text.replaceAll('\n', `\n${' '.repeat(width)}`);
