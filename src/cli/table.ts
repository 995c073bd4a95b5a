/** Text for people: aligned labels, aligned columns, sizes and times that can be read at a glance. */

/** `label  value` lines, the labels padded to one width; a value of undefined drops its line. */
export function fields(rows: readonly (readonly [string, string | number | undefined])[]): string {
  const shown = rows.filter(([, value]) => value !== undefined);
  const width = Math.max(...shown.map(([label]) => label.length));
  return shown.map(([label, value]) => `${label.padEnd(width)}  ${indent(String(value), width + 2)}\n`).join('');
}

/** Columns under their headings; the last one is not padded. */
export function columns(headings: readonly string[], rows: readonly (readonly string[])[]): string {
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

const indent = (text: string, width: number): string => text.replaceAll('\n', `\n${' '.repeat(width)}`);
