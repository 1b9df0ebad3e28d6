import { DateTime } from 'luxon';
import { z } from 'zod';
import { Random } from '../core/random.ts';
import { sandboxOptions } from '../core/sandbox.ts';
import { type ContactDraft, makeContacts } from './contacts.ts';
import {
  type ContactRow,
  contactRow,
  invoiceRow,
  systemeioCsv,
  type TagRow,
  tagRows,
  transactionRow,
  type XenditRow,
  xenditCsv,
} from './rows.ts';
import { makeSales, makeTransactions, type SaleDraft, type TransactionDraft } from './sales.ts';

interface LaunchOptions {
  readonly seed: number;
  /** 1: the numbers in business.ts. A smaller share keeps the proportions; 0: nothing. */
  readonly share: number;
  /** 1: dirty as real data is; 0: clean. */
  readonly dirt: number;
}

/** The business before its launch, as its two upstreams and their legacy exports show it. */
interface LaunchData {
  readonly invoices: readonly XenditRow[];
  readonly transactions: readonly XenditRow[];
  readonly contacts: readonly ContactRow[];
  readonly tags: readonly TagRow[];
  readonly csv: { readonly xendit: string; readonly systemeio: string };
  readonly manifest: LaunchManifest;
}

/** Generates the business: the same for the same options on every machine, for both sandboxes. */
export function generateLaunch({ seed, share, dirt }: LaunchOptions): LaunchData {
  const random = new Random(seed);
  const contacts = makeContacts(random.fork('contacts'), share, dirt);
  const sales = share === 0 ? [] : makeSales(random.fork('sales'), contacts, share, dirt);
  const drafts = makeTransactions(random.fork('movements'), sales, share, dirt);
  const tags = tagRows(contacts);
  const byName = new Map(tags.map((tag) => [tag.name, tag]));
  return {
    invoices: sales.map(invoiceRow),
    transactions: drafts.map(transactionRow),
    contacts: contacts.map((contact) => contactRow(contact, byName)),
    tags,
    csv: { xendit: xenditCsv(sales), systemeio: systemeioCsv(contacts) },
    manifest: manifestOf({ seed, share }, sales, drafts, contacts),
  };
}

/** The options that the sandboxes of Xendit and Systeme.io share: the same seed and share give the same business in both. */
export const launchOptions = {
  ...sandboxOptions,
  /** 1: the numbers in business.ts; 0: nothing. */
  share: z.number().min(0).max(20).default(1),
  dirt: z.number().min(0).max(1).default(1),
};

// The manifest.

/** The outcome, in a correct migration, of a record that does not become a row. */
interface ExpectedLaunchOutcome {
  readonly outcome: 'rejected' | 'skipped';
  readonly code: string;
}

interface LaunchSum {
  readonly count: number;
  /** Minor units, as text. */
  readonly minor: string;
}

/** The contents of the business and the outcome of a correct migration, recorded during generation. */
export interface LaunchManifest {
  readonly seed: number;
  readonly share: number;
  readonly sources: { readonly invoices: number; readonly transactions: number; readonly contacts: number };
  /** Invoices, and transactions that are not the payment of an invoice. `verdicts`, by id: those that become no row. */
  readonly sales: { readonly records: number; readonly verdicts: Readonly<Record<string, ExpectedLaunchOutcome>> };
  /** Paid sales without a known product, and refunds without a link to a sale: two failure groups. */
  readonly unmatched: Unmatched;
  readonly unmatchedRefunds: Unmatched;
  /** Sums of the rows by status: PAID (manual payments among them), SETTLED, EXPIRED, UNPAID, REFUNDED, CHARGEBACK. */
  readonly byStatus: Readonly<Record<string, LaunchSum>>;
  /** Revenue by product, less refunds and chargebacks. */
  readonly revenue: Readonly<Record<string, LaunchSum>>;
  /** Revenue, less refunds and chargebacks, by quarter of the calendar year in Manila: `2024-Q1`. */
  readonly byQuarter: Readonly<Record<string, string>>;
  readonly manualPayments: number;
  readonly users: number;
  /** Accounts whose payment was fully refunded or charged back. */
  readonly revoked: number;
  readonly affiliates: { readonly loaded: number; readonly withoutProfile: number };
  readonly leads: { readonly people: number; readonly converted: number; readonly malformed: number };
}

interface Unmatched {
  readonly ids: readonly string[];
  /** Minor units, as text. */
  readonly minor: string;
}

const MANUAL_MINOR = 80_000n;

/** Computes the manifest from the drafts. A manual payment counts on the day on which its contact registered; there is no other date. */
function manifestOf(
  size: { seed: number; share: number },
  sales: readonly SaleDraft[],
  transactions: readonly TransactionDraft[],
  contacts: readonly ContactDraft[],
): LaunchManifest {
  const paidP2P = payerEmails(sales, (sale) => sale.product === 'P2P');
  const tagged = contacts.filter(({ group }) => group === 'both' || group === 'p2pOnly');
  const manual = tagged.filter(({ person }) => !paidP2P.has(person.email));
  const users = new Set([...paidP2P, ...tagged.map(({ person }) => person.email)]);
  const reversals = transactions.filter(isReversal);
  const unmatched = sales.filter(({ product, paidMs }) => product === 'Other' && paidMs !== null);
  const unlinkedReversals = reversals.filter(({ linked }) => !linked);
  const buyers = new Set([
    ...payerEmails(sales, ({ product }) => product !== 'Other'),
    ...manual.map(({ person }) => person.email),
  ]);
  const leads = contacts.filter(({ malformed, repeats }) => !malformed && repeats === undefined);
  const affiliates = contacts.filter(({ affiliate }) => affiliate);
  const fullReversals = reversals.filter(({ sale, minor }) => sale?.product === 'P2P' && sale.minor === minor);
  const loadedAffiliates = affiliates.filter(({ person }) => users.has(person.email)).length;
  return {
    ...size,
    sources: { invoices: sales.length, transactions: transactions.length, contacts: contacts.length },
    sales: {
      records: sales.length + transactions.filter((transaction) => !isInvoicePayment(transaction)).length,
      verdicts: verdictsOf(transactions, unmatched),
    },
    unmatched: groupOf(unmatched),
    unmatchedRefunds: groupOf(unlinkedReversals),
    byStatus: statusSums(sales, reversals, manual.length),
    revenue: revenueSums(sales, reversals, manual.length),
    byQuarter: quarterSums(sales, reversals, manual),
    manualPayments: manual.length,
    users: users.size,
    revoked: fullReversals.length,
    affiliates: { loaded: loadedAffiliates, withoutProfile: affiliates.length - loadedAffiliates },
    leads: {
      people: leads.length,
      converted: leads.filter(({ person }) => buyers.has(person.email)).length,
      malformed: contacts.filter(({ malformed }) => malformed).length,
    },
  };
}

/** Whether a transaction is the successful payment of an invoice, and so part of that sale instead of a separate one. */
function isInvoicePayment({ kind, status, linked }: TransactionDraft): boolean {
  return kind === 'PAYMENT' && status === 'SUCCESS' && linked;
}

function isReversal({ kind }: TransactionDraft): boolean {
  return kind === 'REFUND' || kind === 'CHARGEBACK';
}

function groupOf(drafts: readonly { id: string; minor: number }[]): Unmatched {
  const minor = drafts.reduce((sum, draft) => sum + draft.minor, 0);
  return { ids: drafts.map(({ id }) => id).sort(), minor: String(minor) };
}

function payerEmails(sales: readonly SaleDraft[], matches: (sale: SaleDraft) => boolean): Set<string> {
  const paid = sales.filter((sale) => sale.paidMs !== null && sale.payer !== null && matches(sale));
  return new Set(paid.map(({ person }) => person.email));
}

function verdictsOf(transactions: readonly TransactionDraft[], unmatched: readonly { id: string }[]) {
  const verdicts: Record<string, ExpectedLaunchOutcome> = {};
  for (const { id } of unmatched) verdicts[id] = { outcome: 'rejected', code: 'UNMATCHED_PRODUCT' };
  for (const transaction of transactions) {
    const { id, kind, linked, attempt } = transaction;
    if (attempt) verdicts[id] = { outcome: 'skipped', code: 'ATTEMPT' };
    else if (isReversal(transaction) && !linked) verdicts[id] = { outcome: 'rejected', code: 'UNMATCHED_REFUND' };
    else if (kind !== 'PAYMENT' && !isReversal(transaction)) verdicts[id] = { outcome: 'skipped', code: 'NOT_A_SALE' };
  }
  return verdicts;
}

function isRow(sale: SaleDraft): boolean {
  return sale.product !== 'Other' || sale.paidMs === null;
}

function statusSums(sales: readonly SaleDraft[], reversals: readonly TransactionDraft[], manual: number) {
  const sums = new Sums();
  for (const sale of sales.filter(isRow)) sums.add(sale.status, BigInt(sale.minor));
  for (const reversal of reversals.filter(({ linked }) => linked)) {
    sums.add(reversal.kind === 'REFUND' ? 'REFUNDED' : 'CHARGEBACK', BigInt(reversal.minor));
  }
  sums.add('PAID', MANUAL_MINOR * BigInt(manual), manual);
  return sums.result();
}

function revenueSums(sales: readonly SaleDraft[], reversals: readonly TransactionDraft[], manual: number) {
  const sums = new Sums();
  for (const { product, minor, paidMs } of sales)
    if (paidMs !== null && product !== 'Other') sums.add(product, BigInt(minor));
  for (const { sale, minor, linked } of reversals) if (linked && sale) sums.add(sale.product, -BigInt(minor), 0);
  sums.add('P2P', MANUAL_MINOR * BigInt(manual), manual);
  return sums.result();
}

function quarterSums(
  sales: readonly SaleDraft[],
  reversals: readonly TransactionDraft[],
  manual: readonly ContactDraft[],
) {
  const sums = new Sums();
  for (const { product, minor, paidMs } of sales)
    if (paidMs !== null && product !== 'Other') sums.add(quarterOf(paidMs), BigInt(minor));
  for (const { minor, linked, createdMs } of reversals) if (linked) sums.add(quarterOf(createdMs), -BigInt(minor));
  for (const { registeredMs } of manual) sums.add(quarterOf(registeredMs), MANUAL_MINOR);
  return Object.fromEntries(Object.entries(sums.result()).map(([name, { minor }]) => [name, minor]));
}

function quarterOf(ms: number): string {
  const at = DateTime.fromMillis(ms, { zone: 'Asia/Manila' });
  return `${at.year}-Q${at.quarter}`;
}

class Sums {
  readonly #sums = new Map<string, { count: number; minor: bigint }>();

  add(name: string, minor: bigint, count = 1): void {
    const sum = this.#sums.get(name) ?? { count: 0, minor: 0n };
    sum.count += count;
    sum.minor += minor;
    this.#sums.set(name, sum);
  }

  result(): Record<string, LaunchSum> {
    const sorted = [...this.#sums].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([name, { count, minor }]) => [name, { count, minor: String(minor) }]));
  }
}
