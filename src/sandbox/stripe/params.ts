import { invalid } from './failure.ts';
import type { StripeObject } from './store.ts';

// Form parameters of a request.

/** A parameter of a request: text, or the parameters in its brackets. The keys of a list are numbers. */
export type Param = string | ParamTree;
export interface ParamTree {
  readonly [name: string]: Param;
}

type MutableTree = { [name: string]: string | MutableTree };

/** `metadata[legacy_id]=7&images[0]=https://...` as a tree. Throws StripeFailure on unbalanced brackets. */
export function parseForm(pairs: Iterable<readonly [string, string]>): ParamTree {
  const root: MutableTree = Object.create(null);
  for (const [name, value] of pairs) {
    const path = parseParamName(name);
    let node = root;
    for (const part of path.slice(0, -1)) {
      const key = part === '' ? String(Object.keys(node).length) : part;
      const next = node[key];
      if (typeof next === 'object') node = next;
      else node = node[key] = Object.create(null) as MutableTree;
    }
    const last = path.at(-1) ?? '';
    node[last === '' ? String(Object.keys(node).length) : last] = value;
  }
  return root;
}

/** `a[b][]` as `['a', 'b', '']`. A metadata key may contain anything except brackets. */
function parseParamName(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
  if (match === null) throw invalid(`Invalid request (malformed parameter name: ${name})`, { param: name });
  return [String(match[1]), ...[...String(match[2]).matchAll(/\[([^[\]]*)\]/g)].map((part) => String(part[1]))];
}

/** The items of a list, in the order of their numbers. */
export function itemsOf(tree: ParamTree): Param[] {
  return Object.keys(tree)
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => tree[key] as Param);
}

/** A text that is equal for equal parameters, independent of their order. */
export function canonical(param: Param): string {
  if (typeof param === 'string') return JSON.stringify(param);
  const entries = Object.keys(param).sort();
  return `{${entries.map((key) => `${JSON.stringify(key)}:${canonical(param[key] as Param)}`).join(',')}}`;
}

// Shapes: the parameters that an operation accepts, each with its reader.

/** Parses one parameter; throws StripeFailure on an invalid value. `name` is the full name, brackets included. */
export type Reader<T> = (value: Param, name: string) => T;
type RequiredReader<T> = Reader<T> & { readonly required: true };

export type Shape = Readonly<Record<string, Reader<unknown>>>;

/** The parsed values of a shape; only required ones are always present. */
export type Values<S extends Shape> = {
  readonly [K in keyof S as S[K] extends RequiredReader<unknown> ? K : never]: ReturnType<S[K]>;
} & {
  readonly [K in keyof S as S[K] extends RequiredReader<unknown> ? never : K]?: ReturnType<S[K]> | undefined;
};

/** Makes a parameter required. */
export function required<T>(reader: Reader<T>): RequiredReader<T> {
  return Object.assign((value: Param, name: string) => reader(value, name), { required: true as const });
}

/** Parses parameters. Throws StripeFailure on invalid, missing and, as Stripe does, unknown ones. */
export function readShape<S extends Shape>(tree: ParamTree, shape: S, within = ''): Values<S> {
  const fullName = (name: string) => (within === '' ? name : `${within}[${name}]`);
  const unknownNames = Object.keys(tree).filter((name) => !Object.hasOwn(shape, name));
  if (unknownNames.length > 0) throw unknownParameter(unknownNames.map(fullName));
  const values: Record<string, unknown> = {};
  for (const [name, reader] of Object.entries(shape)) {
    const given = tree[name];
    if (given !== undefined) values[name] = reader(given, fullName(name));
    else if ('required' in reader) {
      throw invalid(`Missing required param: ${fullName(name)}.`, { code: 'parameter_missing', param: fullName(name) });
    }
  }
  return values as Values<S>;
}

function unknownParameter(names: readonly string[]) {
  const message = `Received unknown parameter${names.length > 1 ? 's' : ''}: ${names.join(', ')}`;
  return invalid(message, { code: 'parameter_unknown', param: String(names[0]) });
}

/** The values without those that are accepted but not stored. */
export function omit<T extends object, K extends keyof T>(values: T, ...names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name as K))) as Omit<T, K>;
}

// Readers of single parameters.

/** Text that must not be empty. */
export function text(max = 5000): Reader<string> {
  return (value, name) => {
    const given = stringParam(value, name);
    if (given === '') throw emptyParameter(name);
    return assertLength(given, max, name);
  };
}

/** Text; an empty string gives null. */
export function optionalText(max = 5000): Reader<string | null> {
  return (value, name) => (value === '' ? null : assertLength(stringParam(value, name), max, name));
}

/** An integer within bounds, both included. */
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

/** A list; an empty string gives an empty one. */
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

/** Any value, stored without validation; an empty string gives null. */
export const unvalidated: Reader<unknown> = (value) => (value === '' ? null : value);

/** An absolute HTTP or HTTPS URL. */
export const urlParam: Reader<string> = (value, name) => {
  const given = stringParam(value, name);
  const valid = /^https?:\/\/[^\s/]+\.?[^\s]*$/i.test(given) && URL.canParse(given) && given.length <= 2048;
  if (!valid) throw invalid('Not a valid URL', { code: 'url_invalid', param: name });
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

function emptyParameter(name: string) {
  const message =
    `You passed an empty string for '${name}'. We assume empty values are an attempt to unset a parameter; however ` +
    `'${name}' cannot be unset. You should remove '${name}' from your request or supply a non-empty value.`;
  return invalid(message, { code: 'parameter_invalid_empty', param: name });
}

function outOfRange(bound: string, name: string) {
  return invalid(`This value must be ${bound}.`, { code: 'parameter_invalid_integer', param: name });
}

// Metadata.

/** A change of metadata: an empty value removes its key; null removes all keys. */
type MetadataChange = Readonly<Record<string, string>> | null;

export const metadata: Reader<MetadataChange> = (value, name) => {
  if (value === '') return null;
  if (typeof value === 'string') throw invalid('Invalid metadata: must be a hash', { param: name });
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [checkMetadataKey(key), checkMetadataValue(item, name, key)]),
  );
};

/** The metadata of an object. */
function metadataOf(object: StripeObject): Readonly<Record<string, string>> {
  return (object.metadata ?? {}) as Record<string, string>;
}

/** The `metadata` field of an update: empty when the request does not change it. Throws StripeFailure on too many keys. */
export function metadataChange(target: StripeObject, change: MetadataChange | undefined) {
  return change === undefined ? {} : { metadata: mergeMetadata(metadataOf(target), change) };
}

const MAX_KEYS = 50;

/** The metadata after a change. Throws StripeFailure on too many keys. */
export function mergeMetadata(before: Readonly<Record<string, string>>, change: MetadataChange | undefined) {
  if (change === undefined) return before;
  const entries = Object.entries(change === null ? {} : { ...before, ...change }).filter(([, value]) => value !== '');
  if (entries.length > MAX_KEYS) {
    throw invalid(`Metadata can have at most ${MAX_KEYS} keys, but ${entries.length} were given`, {
      param: 'metadata',
    });
  }
  return Object.fromEntries(entries);
}

function checkMetadataKey(key: string): string {
  if (key.length <= 40) return key;
  const message = `Metadata keys can have up to 40 characters, but you passed in a key that is ${key.length} characters.`;
  throw invalid(`${message} Invalid key: ${key}`, { param: 'metadata' });
}

function checkMetadataValue(item: Param, name: string, key: string): string {
  const value = stringParam(item, `${name}[${key}]`);
  const length = [...value].length;
  if (length <= 500) return value;
  const message = `Metadata values can have up to 500 characters, but you passed in a value that is ${length} characters.`;
  throw invalid(`${message} Invalid value: ${value}`, { param: `${name}[${key}]` });
}

// Currencies and amounts.

/** The currencies that Stripe supports. */
const SUPPORTED = new Set(
  (
    'usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf ' +
    'clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils ' +
    'inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk ' +
    'mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp ' +
    'sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw'
  ).split(' '),
);

/** A currency code; upper case is accepted and answered in lower case. */
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

/**
 * Throws StripeFailure on an amount that Stripe cannot charge. Amounts in three-decimal currencies must end in 0, and those
 * in ISK and UGX, which have no decimals but are sent as if they had two, in 00.
 */
export function assertChargeable(amount: number, code: string, param: string): void {
  const max = LOW_VALUE_CURRENCIES.has(code) ? 999_999_999_999 : 99_999_999;
  if (amount > max) {
    const message = `This value must be less than or equal to ${max}.`;
    throw invalid(message, { code: 'parameter_invalid_integer', param });
  }
  const multiple = MULTIPLES[code] ?? 1;
  if (amount % multiple === 0) return;
  const message = `Invalid amount ${amount}: amounts in ${code} must be a multiple of ${multiple}`;
  throw invalid(message, { code: 'parameter_invalid_integer', param });
}

/** Cents with up to twelve decimals, as text. */
export const decimalAmount: Reader<string> = (value, name) => {
  const given = stringParam(value, name);
  if (!/^\d{1,12}(\.\d{1,12})?$/.test(given)) {
    throw invalid(`Invalid decimal: ${given}; must have at most 12 decimal places`, { param: name });
  }
  return given.includes('.') ? given.replace(/\.?0+$/, '') : given;
};

export const MAX_AMOUNT = 999_999_999_999;
