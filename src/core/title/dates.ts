/** Days as instruments name them: the dates of the calendar in UTC, so that they compare as texts. */
import { z } from 'zod';

export const date = z.iso.date().describe('YYYY-MM-DD');

/** @param instant RFC 3339 in UTC */
export const dateOf = (instant: string): string => instant.slice(0, 'YYYY-MM-DD'.length);
