import { DateTime } from 'luxon';
import type { LaunchParams } from '../params.ts';

/**
 * The fiscal year and quarter of a moment. A year that begins in April 2024 is the year 2025 to some and 2024 to others; here
 * a year has the number of the calendar year it ends in, as most do.
 */
export function fiscalPeriodOf(at: string, { fiscalYearStart = 1, timeZone = 'Asia/Manila' }: LaunchParams) {
  const { year, month } = DateTime.fromISO(at, { zone: timeZone });
  const months = (month - fiscalYearStart + 12) % 12;
  const begun = month >= fiscalYearStart ? year : year - 1;
  return { fiscal_year: fiscalYearStart === 1 ? begun : begun + 1, fiscal_quarter: Math.floor(months / 3) + 1 };
}
