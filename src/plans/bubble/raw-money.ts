import type { Entity } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';

/**
 * Where the amount of a raw payment is, for validation's second reading. It shares nothing with the picker and the parsers, so
 * that a mistake of theirs shows.
 */
export const rawPaymentMoney: NonNullable<Entity['rawMoney']> = {
  amount: 'amount',
  currency: 'currency',
  pick(raw, { params }) {
    const fields = objectAt(params, 'fieldMap', 'fields', 'payments');
    const words = objectAt(params, 'fieldMap', 'values', 'currency');
    const amount = firstValue(raw, namesOf(fields.amount, ['payment_amount', 'amount']));
    const written = String(firstValue(raw, namesOf(fields.currency, ['currency_code', 'currency'])) ?? '').trim();
    const word = Object.keys(words).find((name) => plain(name) === plain(written));
    const code = word === undefined ? written || params.defaultCurrency : words[word];
    const isCode = typeof code === 'string' && /^[a-z]{3}$/i.test(code);
    return {
      amount,
      currency: isCode ? code.toUpperCase() : undefined,
      unit: params.amountUnit === 'minor' ? 'minor' : 'major',
    };
  },
};

const plain = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}*$€£¥₱]/gu, '');
const typeName = /_(number|text|option_.*)$/i;

const namesOf = (given: Json | undefined, known: readonly string[]): readonly string[] =>
  Array.isArray(given) ? given.map(String) : known;

function objectAt(from: JsonObject, ...path: readonly string[]): JsonObject {
  const [step, ...rest] = path;
  const value = asObject(step === undefined ? from : from[step]);
  return step === undefined || rest.length === 0 ? value : objectAt(value, ...rest);
}

function asObject(value: Json | undefined): JsonObject {
  try {
    const parsed: unknown = typeof value === 'string' && value.startsWith('{') ? JSON.parse(value) : value;
    return typeof parsed === 'object' && parsed !== null ? (parsed as JsonObject) : {};
  } catch {
    return {};
  }
}

/** The value of the first name that has one: a key by itself, without its type, or a path into an object. */
function firstValue(raw: JsonObject, names: readonly string[]): Json | undefined {
  for (const name of names) {
    const [head = '', ...path] = name.split('.');
    const keys = [
      ...Object.keys(raw).filter((key) => key === name),
      ...Object.keys(raw)
        .filter((key) => plain(key) === plain(name))
        .sort(),
      ...Object.keys(raw)
        .filter((key) => plain(key.replace(typeName, '')) === plain(name))
        .sort(),
    ];
    const values = keys.map((key) => raw[key]);
    const inside = path.length > 0 && keys.length === 0 ? firstInside(raw, head, path) : [];
    const found = [...values, ...inside].find(
      (value) => value !== null && value !== undefined && `${value}`.trim() !== '',
    );
    if (found !== undefined && found !== 'NULL') return found;
  }
  return undefined;
}

function firstInside(raw: JsonObject, head: string, path: readonly string[]): (Json | undefined)[] {
  const keys = Object.keys(raw).filter((key) => head === '*' || plain(key) === plain(head));
  const [next = '', ...rest] = path;
  return keys.flatMap((key) => (path.length === 0 ? [raw[key]] : firstInside(asObject(raw[key]), next, rest)));
}
