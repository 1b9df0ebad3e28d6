import { invalid } from '../failure.ts';
import { stringParam } from './readers.ts';
import type { Reader } from './shape.ts';

/** What Stripe charges in. */
const SUPPORTED = new Set(
  (
    'usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf ' +
    'clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils ' +
    'inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk ' +
    'mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp ' +
    'sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw'
  ).split(' '),
);

/** Upper case is understood, and answered in lower case. */
export const currency: Reader<string> = (value, name) => {
  const given = stringParam(value, name).toLowerCase();
  if (SUPPORTED.has(given)) return given;
  const message = `Invalid currency: ${given}. Stripe currently supports these currencies: ${[...SUPPORTED].join(', ')}`;
  throw invalid(message, { param: name });
};

const MULTIPLES: Readonly<Record<string, number>> = { bhd: 10, jod: 10, kwd: 10, omr: 10, tnd: 10, isk: 100, ugx: 100 };

const LOW_VALUE_CURRENCIES = new Set(
  'bif clp cop djf gnf huf idr inr jpy khr kmf krw lak lbp mga mmk mnt ngn pyg rwf tzs ugx uzs vnd xaf xof xpf'.split(
    ' ',
  ),
);

/** Three-decimal currencies end in 0, and ISK and UGX, which have no decimals but are sent as if they had two, in 00. */
export function assertChargeable(amount: number, code: string, param: string): void {
  const most = LOW_VALUE_CURRENCIES.has(code) ? 999_999_999_999 : 99_999_999;
  if (amount > most) {
    const message = `This value must be less than or equal to ${most}.`;
    throw invalid(message, { code: 'parameter_invalid_integer', param });
  }
  const multiple = MULTIPLES[code] ?? 1;
  if (amount % multiple === 0) return;
  const message = `Invalid amount ${amount}: amounts in ${code} must be a multiple of ${multiple}`;
  throw invalid(message, { code: 'parameter_invalid_integer', param });
}
