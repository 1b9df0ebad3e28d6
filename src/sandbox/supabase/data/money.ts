const EXPONENTS: Readonly<Record<string, number>> = { JPY: 0, KRW: 0, ISK: 0, UGX: 0, KWD: 3, BHD: 3 };

export function exponentOf(currency: string): number {
  return EXPONENTS[currency] ?? 2;
}

/** Minor units in major ones, as a price is written: 1999 USD is 19.99. */
export function major(minor: number, currency: string): string {
  const exponent = exponentOf(currency);
  if (exponent === 0) return String(minor);
  const digits = String(minor).padStart(exponent + 1, '0');
  return `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** What Stripe wants in `unit_amount`: minor units, but ISK and UGX as if they had two decimals. */
export function stripeAmount(minor: number, currency: string): number {
  return currency === 'ISK' || currency === 'UGX' ? minor * 100 : minor;
}
