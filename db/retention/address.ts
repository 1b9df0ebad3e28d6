/**
 * A PostgreSQL regular expression (for `~*`) that finds the address as a whole word: `jane@x.com` is neither in
 * `mary-jane@x.com` nor in `jane@x.com.ph`, who are other people.
 */
export function wholeAddressPattern(email: string): string {
  const literal = email.replace(/[^\p{L}\p{N}]/gu, (sign) => `\\${sign}`);
  return `(?<![[:alnum:]._%+'-])${literal}(?![[:alnum:]-]|\\.[[:alnum:]])`;
}
