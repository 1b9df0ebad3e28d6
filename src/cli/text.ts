// C0, DEL, C1, and the marks that turn the direction of text around: whoever writes into a source could otherwise move
// the cursor, recolour, retitle or reorder what an operator reads.
const controlCharacters = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const controlCharactersExceptLayout = /(?![\n\t])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text for one line of a terminal: control characters are shown, not obeyed. */
export function escapeControls(text: string): string {
  return text.replace(controlCharacters, escapeCharacter);
}

/** The same for text of many lines; line ends and tabs stay. */
export function escapeControlsInLines(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(controlCharactersExceptLayout, escapeCharacter);
}

/** A copy of an answer in which every text, names of fields included, is safe to print. */
export function escapeControlsDeep<T>(value: T): T {
  return escapeValue(value) as T;
}

/** JSON for a terminal or a pipe; equal in meaning, and without a raw control character in it. */
export function toJson(value: unknown, indent: number): string {
  return (JSON.stringify(value, null, indent) ?? 'null').replace(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${hex(character)}`,
  );
}

/** `512 B`, `3.4 kB`, `12.0 MB`. */
export function formatBytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  return count < 1_000_000 ? `${(count / 1_000).toFixed(1)} kB` : `${(count / 1_000_000).toFixed(1)} MB`;
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
