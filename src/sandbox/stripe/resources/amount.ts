import { invalid } from '../failure.ts';
import { stringParam } from '../params/readers.ts';
import type { Reader } from '../params/shape.ts';

/** Cents with up to twelve decimals, as text. */
export const decimalAmount: Reader<string> = (value, name) => {
  const given = stringParam(value, name);
  if (!/^\d{1,12}(\.\d{1,12})?$/.test(given)) {
    throw invalid(`Invalid decimal: ${given}; must have at most 12 decimal places`, { param: name });
  }
  return given.includes('.') ? given.replace(/\.?0+$/, '') : given;
};

export const MAX_AMOUNT = 999_999_999_999;
