/** Splits at commas outside of parentheses, brackets and quotes: `a.eq.1,b.in.(1,2)` is two. */
export function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (letter === '\\' && quoted) i++;
    else if (letter === '"') quoted = !quoted;
    else if (!quoted && (letter === '(' || letter === '{')) depth++;
    else if (!quoted && (letter === ')' || letter === '}')) depth--;
    else if (!quoted && depth === 0 && letter === ',') {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return text === '' ? [] : [...parts, text.slice(start)];
}

/** `"a,b"` without its quotes. */
export function unquote(text: string): string {
  return /^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
