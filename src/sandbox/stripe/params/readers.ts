import { invalid } from '../failure.ts';
import { itemsOf, type Param } from './form.ts';
import { type Reader, readShape, type Shape, type Values } from './shape.ts';

/** Text that cannot be unset. */
export function text(max = 5000): Reader<string> {
  return (value, name) => {
    const given = stringParam(value, name);
    if (given === '') throw empty(name);
    return assertLength(given, max, name);
  };
}

/** Text that an empty string unsets. */
export function optionalText(max = 5000): Reader<string | null> {
  return (value, name) => (value === '' ? null : assertLength(stringParam(value, name), max, name));
}

export function integer(min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): Reader<number> {
  return (value, name) => {
    const given = stringParam(value, name);
    const number = Number(given);
    if (!/^-?\d+$/.test(given) || !Number.isSafeInteger(number)) {
      throw invalid(`Invalid integer: ${given}`, { code: 'parameter_invalid_integer', param: name });
    }
    if (number < min) throw outOfRange(`greater than or equal to ${min}`, name);
    if (number > max) throw outOfRange(`less than or equal to ${max}`, name);
    return number;
  };
}

export const flag: Reader<boolean> = (value, name) => {
  if (value === 'true' || value === 'false') return value === 'true';
  throw invalid(`Invalid boolean: ${stringParam(value, name)}`, { param: name });
};

export function oneOf<const T extends string>(...options: readonly T[]): Reader<T> {
  return (value, name) => {
    const given = stringParam(value, name);
    if ((options as readonly string[]).includes(given)) return given as T;
    const list = `${options.slice(0, -1).join(', ')}${options.length > 1 ? ', or ' : ''}${options.at(-1)}`;
    throw invalid(`Invalid ${name}: must be one of ${list}`, { param: name });
  };
}

/** A list; an empty string empties it. */
export function listOf<T>(reader: Reader<T>, max = Number.POSITIVE_INFINITY): Reader<T[]> {
  return (value, name) => {
    if (value === '') return [];
    if (typeof value === 'string') throw invalid(`Invalid array`, { param: name });
    const items = itemsOf(value);
    if (items.length > max) throw invalid(`Array ${name} exceeded maximum ${max} allowed elements.`, { param: name });
    return items.map((item, i) => reader(item, `${name}[${i}]`));
  };
}

export function objectOf<S extends Shape>(shape: S): Reader<Values<S>> {
  return (value, name) => {
    if (typeof value === 'string') throw invalid(`Invalid object`, { param: name });
    return readShape(value, shape, name);
  };
}

/** What the sandbox stores without looking closer. */
export const unvalidated: Reader<unknown> = (value) => (value === '' ? null : value);

/** An absolute web address. */
export const urlParam: Reader<string> = (value, name) => {
  const given = stringParam(value, name);
  const good = /^https?:\/\/[^\s/]+\.?[^\s]*$/i.test(given) && URL.canParse(given) && given.length <= 2048;
  if (!good) throw invalid('Not a valid URL', { code: 'url_invalid', param: name });
  return given;
};

export function stringParam(value: Param, name: string): string {
  if (typeof value === 'string') return value;
  throw invalid(`Invalid string: ${JSON.stringify(value)}`, { param: name });
}

function assertLength(given: string, max: number, name: string): string {
  if ([...given].length <= max) return given;
  const shown = `${given.slice(0, 10)}...${given.slice(-6)}`;
  throw invalid(`Invalid string: ${shown}; must be at most ${max} characters`, { param: name });
}

function empty(name: string) {
  const message =
    `You passed an empty string for '${name}'. We assume empty values are an attempt to unset a parameter; however ` +
    `'${name}' cannot be unset. You should remove '${name}' from your request or supply a non-empty value.`;
  return invalid(message, { code: 'parameter_invalid_empty', param: name });
}

function outOfRange(what: string, name: string) {
  return invalid(`This value must be ${what}.`, { code: 'parameter_invalid_integer', param: name });
}
