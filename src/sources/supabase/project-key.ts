/** The roles Supabase's own keys have; others come from tokens a project makes itself. */
export type KeyRole = 'service_role' | 'anon' | (string & {});

/** The role a key gives, or undefined when it does not say. */
export function roleOfKey(key: string | undefined): KeyRole | undefined {
  const given = key?.trim() ?? '';
  if (given.startsWith('sb_secret_')) return 'service_role';
  if (given.startsWith('sb_publishable_')) return 'anon';
  try {
    const claims: unknown = JSON.parse(Buffer.from(given.split('.')[1] ?? '', 'base64url').toString());
    const role = (claims as { role?: unknown } | null)?.role;
    return typeof role === 'string' ? role : undefined;
  } catch {
    return undefined;
  }
}

/** The headers that carry a key. The newer ones (`sb_...`) are no tokens, so they go into `apikey` only. */
export function keyHeaders(key: string): Record<string, string> {
  const apikey = key.trim();
  return apikey.startsWith('sb_') ? { apikey } : { apikey, authorization: `Bearer ${apikey}` };
}

/** The REST interface's address, from the project's (`https://ref.supabase.co`) or its own. */
export function restUrl(projectUrl: string): string {
  const plain = projectUrl.trim().replace(/\/+$/, '');
  return plain.endsWith('/rest/v1') ? plain : `${plain}/rest/v1`;
}
