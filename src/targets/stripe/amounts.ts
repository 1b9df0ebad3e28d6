/** The currencies of https://docs.stripe.com/currencies. Stripe refuses all others, so they are refused before the call. */
const supported = new Set(
  (
    'USD AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF ' +
    'CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS ' +
    'INR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK ' +
    'MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP ' +
    'SLE SOS SRD STD SZL THB TJS TND TOP TRY TTD TWD TZS UAH UGX UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW'
  ).split(' '),
);

/** True for currencies (ISO 4217, upper case) that Stripe supports. */
export function isSupported(currency: string): boolean {
  return supported.has(currency);
}

// Stripe charges at most eight digits; in currencies with small units up to twelve, and it refuses an amount above its own
// limit itself.
const eightDigits = 99_999_999n;
const twelveDigits = 999_999_999_999n;
const twelveDigitCurrencies = new Set(
  'BIF CLP COP DJF GNF HUF IDR INR JPY KHR KMF KRW LAK LBP MGA MMK MNT NGN PYG RWF TZS UGX UZS VND XAF XOF XPF'.split(
    ' ',
  ),
);

/** The highest `unit_amount` in a currency (ISO 4217, upper case). */
export function maxUnitAmount(currency: string): bigint {
  return twelveDigitCurrencies.has(currency) ? twelveDigits : eightDigits;
}

// No decimals by ISO 4217, but two in Stripe's amounts, because the currencies had decimals before.
const paddedCurrencies = new Set(['ISK', 'UGX']);
// Two decimals by ISO 4217 and none in Stripe's amounts.
const wholeCurrencies = new Set(['MGA']);
// Three decimals, of which card networks support two.
const threeDecimals = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND']);

/** Minor units of ISO 4217 as Stripe's `unit_amount`, or undefined when Stripe has no such amount. */
export function toStripe(minor: bigint, currency: string): bigint | undefined {
  if (paddedCurrencies.has(currency)) return minor * 100n;
  if (wholeCurrencies.has(currency)) return minor % 100n === 0n ? minor / 100n : undefined;
  if (threeDecimals.has(currency) && minor % 10n !== 0n) return undefined;
  return minor;
}

/** Stripe's `unit_amount` in minor units of ISO 4217. */
export function fromStripe(unitAmount: number, currency: string): bigint {
  const amount = BigInt(unitAmount);
  if (paddedCurrencies.has(currency)) return amount / 100n;
  return wholeCurrencies.has(currency) ? amount * 100n : amount;
}
