/** `2024-01-15T14:30:00Z`: to the second, which is as exact as a person reads it. */
export function isoSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** `1h 2m 3s`, `2m 3s`, `3.4s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 60_000) return `${(Math.max(0, milliseconds) / 1000).toFixed(1)}s`;
  const seconds = Math.round(milliseconds / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return `${hours > 0 ? `${hours}h ` : ''}${minutes}m ${seconds % 60}s`;
}

/** An instant as the service takes it. A date alone is its beginning in UTC; anything else must name its zone. */
export function parseInstant(text: string): string | undefined {
  const trimmed = text.trim();
  const date = /^\d{4}-\d{2}-\d{2}$/.test(trimmed);
  if (!date && !/^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:?\d{2})$/i.test(trimmed)) return undefined;
  const at = new Date(trimmed);
  // JavaScript makes the 2nd of March of the 30th of February.
  const day = Number(trimmed.slice(8, 10));
  if (Number.isNaN(at.getTime()) || day > daysOf(trimmed)) return undefined;
  return at.toISOString();
}

function daysOf(text: string): number {
  return new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
}
