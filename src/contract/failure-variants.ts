/** One of the messages that the records of a failure group have, and how many have it. */
export interface FailureVariant {
  readonly message: string;
  readonly count: number;
}

/**
 * The message of a failure group: that of all its records, or each with its count, the most frequent first. `count` is of
 * the whole group, of which `variants` may be the largest part.
 */
export function variantsText(variants: readonly FailureVariant[], count: number): string {
  const [first, ...others] = variants;
  if (first === undefined) return '';
  const rest = count - variants.reduce((sum, variant) => sum + variant.count, 0);
  if (others.length === 0 && rest <= 0) return first.message;
  const parts = variants.map((variant) => `${variant.count}: ${variant.message}`);
  return [...parts, ...(rest > 0 ? [`${rest}: other messages`] : [])].join('; ');
}
