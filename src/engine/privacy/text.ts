// Bounded: a text of many thousand letters without a blank must not be looked at from each of them to its end.
const emailPattern = /[^\s"'<>(),;:=[\]{}|]{1,256}@[^\s"'<>(),;:=[\]{}|@]{1,256}/g;

/**
 * Telephone numbers as people write them: with a country code, with the area in brackets, in three groups, or with the
 * leading zero of a national number. Plain runs of digits are left: ids and amounts are made of them.
 */
const phonePattern =
  /\+\d[\d\s().-]{5,}\d|\(\d{2,4}\)\s?\d{3}[\s.-]?\d{3,4}|(?<![\w.-])\d{3}[ .-]\d{3}[ .-]\d{4}(?![\w-]|\.\d)|(?<![\w.+-])0\d{9,10}(?![\w-]|\.\d)/g;

const quotedPattern = /"[^"]+"|“[^”]+”/g;

/** What stands in the place of something that is not shown. */
export const maskedValue = '***';

/** The text without addresses and telephone numbers. */
export function maskContacts(text: string): string {
  return text.replace(emailPattern, `${maskedValue}@${maskedValue}`).replace(phonePattern, maskedValue);
}

/** A message about a record: what it quotes is a value of that record, and may be anything, a name above all. */
export function maskMessage(text: string): string {
  return maskContacts(text.replace(quotedPattern, `"${maskedValue}"`));
}
