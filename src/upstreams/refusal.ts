/** The upstream's own words on why it refuses, fit for people: short, in one line, without secrets or e-mail addresses. */
export function upstreamErrorText(text: string, secrets: readonly string[]): string {
  const words = findMessage(text) ?? '';
  return redact(words.replace(/\s+/g, ' ').trim(), secrets).slice(0, 200);
}

// Headers that say nothing about us.
const harmlessHeaders = new Set(['accept', 'accept-encoding', 'content-type', 'content-length', 'user-agent']);

/** What must never come back in a message: the values of headers that may hold a key, and each longer word of them. */
export function secretValuesIn(headers: Readonly<Record<string, string>>): string[] {
  const named = Object.entries(headers).filter(([name]) => !harmlessHeaders.has(name.toLowerCase()));
  const values = named.flatMap(([, value]) => [value, ...value.split(/[\s,;:=]+/)]);
  return [...new Set(values)].filter((value) => value.length >= 8).sort((a, b) => b.length - a.length);
}

const credential = /\b(?:Bearer|Basic)\s+\S+|\b(?:sk|rk|pk|whsec|xnd)_\w+|\beyJ[\w-]+\.[\w.-]+/g;
const email = /[^\s"'<>@]+@[^\s"'<>@]+/g;

function redact(words: string, secrets: readonly string[]): string {
  const known = secrets.reduce(
    (text, secret) => text.replaceAll(secret, '[secret]'),
    words.replace(credential, '[secret]'),
  );
  return known.replace(email, '[e-mail]');
}

/** Where the APIs we know keep their message: Bubble, Stripe, PayPal, Square, Xendit, Systeme.io, PostgREST. */
function findMessage(text: string): string | undefined {
  const body = parseJsonOrUndefined(text);
  if (typeof body !== 'object' || body === null) return undefined;
  const { body: inner, error, errors } = body as Record<string, unknown>;
  const first = Array.isArray(errors) ? errors[0] : undefined;
  const places = [inner, body, first, error].flatMap(messagesAt);
  return places.find((words) => words !== '');
}

function messagesAt(place: unknown): string[] {
  if (typeof place === 'string') return [place];
  if (typeof place !== 'object' || place === null) return [];
  const { message, error_description: described, detail } = place as Record<string, unknown>;
  return [message, described, detail].filter((words) => typeof words === 'string');
}

function parseJsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
