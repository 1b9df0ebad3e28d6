import { invalid } from './failure.ts';

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

/** Reads one parameter, or throws StripeFailure. `name` is the whole one, brackets included. */
export type Reader<T> = (value: Param, name: string) => T;
export type RequiredReader<T> = Reader<T> & { readonly needed: true };

export type Shape = Readonly<Record<string, Reader<unknown>>>;

/** What reading a shape gives. */
export type Values<S extends Shape> = {
  readonly [K in keyof S as S[K] extends RequiredReader<unknown> ? K : never]: ReturnType<S[K]>;
} & {
  readonly [K in keyof S as S[K] extends RequiredReader<unknown> ? never : K]?: ReturnType<S[K]> | undefined;
};

/** A parameter that must be there. */
export function required<T>(reader: Reader<T>): RequiredReader<T> {
  return Object.assign((value: Param, name: string) => reader(value, name), { needed: true as const });
}

/** Reads parameters; those the shape does not know are refused, as Stripe does. */
export function readShape<S extends Shape>(tree: ParamTree, shape: S, within = ''): Values<S> {
  const full = (name: string) => (within === '' ? name : `${within}[${name}]`);
  const strangers = Object.keys(tree).filter((name) => !Object.hasOwn(shape, name));
  if (strangers.length > 0) throw unknown(strangers.map(full));
  const values: Record<string, unknown> = {};
  for (const [name, reader] of Object.entries(shape)) {
    const given = tree[name];
    if (given !== undefined) values[name] = reader(given, full(name));
    else if ('needed' in reader) {
      throw invalid(`Missing required param: ${full(name)}.`, { code: 'parameter_missing', param: full(name) });
    }
  }
  return values as Values<S>;
}

function unknown(names: readonly string[]) {
  const message = `Received unknown parameter${names.length > 1 ? 's' : ''}: ${names.join(', ')}`;
  return invalid(message, { code: 'parameter_unknown', param: String(names[0]) });
}

/** A parameter as sent: text, or parameters inside brackets. Lists are trees whose keys are numbers. */
export type Param = string | ParamTree;
export interface ParamTree {
  readonly [name: string]: Param;
}

type MutableTree = { [name: string]: string | MutableTree };

/** `metadata[legacy_id]=7&images[0]=https://...` as a tree. Throws StripeFailure on brackets that do not match. */
export function parseForm(pairs: Iterable<readonly [string, string]>): ParamTree {
  const root: MutableTree = Object.create(null);
  for (const [name, value] of pairs) {
    const path = parseParamName(name);
    let place = root;
    for (const step of path.slice(0, -1)) {
      const key = step === '' ? String(Object.keys(place).length) : step;
      const next = place[key];
      if (typeof next === 'object') place = next;
      else place = place[key] = Object.create(null) as MutableTree;
    }
    const last = path.at(-1) ?? '';
    place[last === '' ? String(Object.keys(place).length) : last] = value;
  }
  return root;
}

/** `a[b][]` as `['a', 'b', '']`. A metadata key may hold anything but brackets. */
function parseParamName(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
  if (match === null) throw invalid(`Invalid request (malformed parameter name: ${name})`, { param: name });
  return [String(match[1]), ...[...String(match[2]).matchAll(/\[([^[\]]*)\]/g)].map((step) => String(step[1]))];
}

/** The items of a list, in the order of their numbers. */
export function itemsOf(tree: ParamTree): Param[] {
  return Object.keys(tree)
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => tree[key] as Param);
}

/** The same text for the same parameters, whatever their order. */
export function canonical(param: Param): string {
  if (typeof param === 'string') return JSON.stringify(param);
  const entries = Object.keys(param).sort();
  return `{${entries.map((key) => `${JSON.stringify(key)}:${canonical(param[key] as Param)}`).join(',')}}`;
}

/** Changes to metadata: an empty value removes its key; null removes all. */
export type MetadataChange = Readonly<Record<string, string>> | null;

export const metadata: Reader<MetadataChange> = (value, name) => {
  if (value === '') return null;
  if (typeof value === 'string') throw invalid('Invalid metadata: must be a hash', { param: name });
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [checkKey(key), checkValue(item, name, key)]));
};

const MAX_KEYS = 50;

/** The metadata after a change. */
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

function checkKey(key: string): string {
  if (key.length <= 40) return key;
  const message = `Metadata keys can have up to 40 characters, but you passed in a key that is ${key.length} characters.`;
  throw invalid(`${message} Invalid key: ${key}`, { param: 'metadata' });
}

function checkValue(item: Parameters<Reader<string>>[0], name: string, key: string): string {
  const value = stringParam(item, `${name}[${key}]`);
  const length = [...value].length;
  if (length <= 500) return value;
  const message = `Metadata values can have up to 500 characters, but you passed in a value that is ${length} characters.`;
  throw invalid(`${message} Invalid value: ${value}`, { param: `${name}[${key}]` });
}

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

/** Cents with up to twelve decimals, as text. */
export const decimalAmount: Reader<string> = (value, name) => {
  const given = stringParam(value, name);
  if (!/^\d{1,12}(\.\d{1,12})?$/.test(given)) {
    throw invalid(`Invalid decimal: ${given}; must have at most 12 decimal places`, { param: name });
  }
  return given.includes('.') ? given.replace(/\.?0+$/, '') : given;
};

export const MAX_AMOUNT = 999_999_999_999;

/** The values without those that are taken and not kept. */
export function omit<T extends object, K extends keyof T>(values: T, ...names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name as K))) as Omit<T, K>;
}
