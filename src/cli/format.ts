import { styleText } from 'node:util';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number;
  /** Right-aligned, for numbers. */
  readonly right?: boolean;
  readonly tone?: (row: Row) => Tone | undefined;
}

/** Rows under their titles, two spaces apart. Widths are those of the texts without colours. */
export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], paint: Paint): string {
  const cells = rows.map((row) => columns.map((column) => String(column.value(row))));
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...cells.map((line) => line[at]?.length ?? 0)),
  );
  const line = (texts: readonly string[], tone: (at: number) => Tone | undefined): string =>
    texts
      .map((text, at) => paint(padded(text, widths[at] ?? 0, columns[at]?.right, at === columns.length - 1), tone(at)))
      .join('  ')
      .trimEnd();
  const head = line(
    columns.map((column) => column.title),
    () => 'dim',
  );
  return [head, ...rows.map((row, at) => line(cells[at] ?? [], (column) => columns[column]?.tone?.(row)))].join('\n');
}

/** The last column is not padded: one long text in it would make every line as long. */
function padded(text: string, width: number, right: boolean | undefined, last: boolean): string {
  if (right) return text.padStart(width);
  return last ? text : text.padEnd(width);
}

export type Tone = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

/** Colours a text, or returns it unchanged where colours are off. */
export type Paint = (text: string, tone: Tone | undefined) => string;

export function createPaint(enabled: boolean): Paint {
  // `shouldUseColour` has decided for the stream that is written to; Node would look at stdout.
  return (text, tone) => (enabled && tone && text ? styleText(tone, text, { validateStream: false }) : text);
}

/** True for a terminal whose user did not turn colours off. */
export function shouldUseColour(stream: { isTTY?: boolean }, env: { noColour: boolean }): boolean {
  return stream.isTTY === true && !env.noColour;
}

/** `2024-01-15T14:30:00Z`: without fractions of a second, which operators do not need. */
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

/**
 * An instant in the format of the API, or undefined when the text is none. A date alone is its beginning in UTC; anything
 * else must name its zone.
 */
export function parseInstant(text: string): string | undefined {
  const trimmed = text.trim();
  const date = /^\d{4}-\d{2}-\d{2}$/.test(trimmed);
  if (!date && !/^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:?\d{2})$/i.test(trimmed)) return undefined;
  const at = new Date(trimmed);
  // JavaScript parses the 30th of February as the 2nd of March.
  const day = Number(trimmed.slice(8, 10));
  if (Number.isNaN(at.getTime()) || day > daysInMonth(trimmed)) return undefined;
  return at.toISOString();
}

function daysInMonth(text: string): number {
  return new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
}

// C0, DEL, C1, and the marks that change the direction of text: text of a source could otherwise move the cursor of the
// operator's terminal, or change its colours, its title or the order of what it shows.
const controlCharacters = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const controlCharactersExceptLayout = /(?![\n\t])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text for one line of a terminal: control characters are escaped. */
export function escapeControls(text: string): string {
  return text.replace(controlCharacters, escapeCharacter);
}

/** The same for several lines; line ends and tabs stay. */
export function escapeControlsInLines(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(controlCharactersExceptLayout, escapeCharacter);
}

/** A copy of an answer with the control characters of every text escaped, names of fields included. */
export function escapeControlsDeep<T>(value: T): T {
  return escapeValue(value) as T;
}

/** JSON for a terminal or a pipe: equal in meaning, without raw control characters. */
export function toJson(value: unknown, indent: number): string {
  return (JSON.stringify(value, null, indent) ?? 'null').replace(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${hex(character)}`,
  );
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `512 B`, `3.4 kB`, `12.0 MB`; units of 1,000. */
export function formatBytes(bytes: number): string {
  const power = Math.min(byteUnits.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${byteUnits[power]}`;
}

function escapeValue(value: unknown): unknown {
  if (typeof value === 'string') return escapeControls(value);
  if (Array.isArray(value)) return value.map(escapeValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [escapeControls(key), escapeValue(inner)]));
}

function escapeCharacter(character: string): string {
  return shortEscapes[character] ?? `\\u${hex(character)}`;
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).padStart(4, '0');
}
