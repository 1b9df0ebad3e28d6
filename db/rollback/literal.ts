/** Text as a literal, for servers with standard_conforming_strings on. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * JSON text as a literal of nothing but ASCII without quotes: quotes and everything beyond ASCII become JSON escapes,
 * which mean the same and can close no literal, whatever a value holds and whatever encoding the client believes in.
 */
export function jsonLiteral(json: string): string {
  const plain = json.replace(/['\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `'${plain}'`;
}

/** Text for a comment of one line. */
export function sqlComment(text: string): string {
  return `-- ${text.replace(/[^\x20-\x7e]+/g, '?')}`;
}
