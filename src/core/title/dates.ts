/** Days as instruments name them: the dates of the calendar in UTC, so that they compare as texts. */
import { z } from 'zod';

export const date = z.iso.date().describe('YYYY-MM-DD');

/** @param instant RFC 3339 in UTC */
export const dateOf = (instant: string): string => instant.slice(0, 'YYYY-MM-DD'.length);

/** So many months later; the last day of the month where that has no day of this number. */
export function monthsAfter(day: string, months: number): string {
  const [year, month, number] = day.split('-').map(Number) as [number, number, number];
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return dateOf(new Date(Date.UTC(year, month - 1 + months, Math.min(number, last))).toISOString());
}

export const daysAfter = (day: string, days: number): string =>
  dateOf(new Date(Date.parse(day) + days * 86_400_000).toISOString());
