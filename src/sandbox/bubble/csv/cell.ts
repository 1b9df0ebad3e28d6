/** Writes values the way Bubble's CSV export does, with dates in the exporting person's zone. */
export function cellWriter(zone: string): (value: unknown) => string {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    hour12: true,
  });
  const write = (value: unknown): string => {
    if (value === undefined || value === null) return '';
    if (typeof value === 'boolean') return value ? 'yes' : 'no';
    if (Array.isArray(value)) return value.map(write).join(' , ');
    if (typeof value === 'string') return isMoment(value) ? localDate(value, format) : value;
    return String(value);
  };
  return write;
}

/** A quoted cell; every cell is. */
export function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** A real date as the API gives it. Text that only looks like one (the thirtieth of February) stays as it is. */
function isMoment(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text)) return false;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString() === text;
}

/** `Jan 5, 2024 3:04 pm`: to the minute, without a word on the zone. */
function localDate(iso: string, format: Intl.DateTimeFormat): string {
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(new Date(iso))) part[type] = value;
  const period = part.dayPeriod?.toLowerCase() ?? '';
  return `${part.month} ${part.day}, ${part.year} ${part.hour}:${part.minute} ${period}`;
}
