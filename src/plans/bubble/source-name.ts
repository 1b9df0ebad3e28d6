// Applications that show field ids instead of names end each in its type: `email_text`, `coach_user`, `tags_list_text`.
const typeSuffix = /_(?:list_)?(?:text|number|date|boolean|image|file|user|geographic_address|(?:option|custom)_.*)$/i;

/** A field's name as it is compared: without case, blanks, underscores and punctuation. */
export function normalizedName(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}*]+/gu, '');
}

/** The name of a field that carries its Bubble type at its end, without it; undefined when it carries none. */
export function withoutType(name: string): string | undefined {
  const bare = name.replace(typeSuffix, '');
  return bare === name || bare === '' ? undefined : bare;
}
