import { Random } from '../core/random.ts';
import { type ContactRow, contactRow, type TagRow, tagRows } from './contact-rows.ts';
import { makeContacts } from './contacts.ts';
import { systemeioCsv, xenditCsv } from './csv.ts';
import { type LaunchManifest, manifestOf } from './manifest.ts';
import { makeTransactions } from './movements.ts';
import { makeSales } from './sales.ts';
import { invoiceRow, transactionRow, type XenditRow } from './xendit-rows.ts';

export interface LaunchOptions {
  readonly seed: number;
  /** 1: the document's own numbers. A smaller share keeps the proportions; 0: nothing at all. */
  readonly share: number;
  /** 1: dirty as real data is; 0: clean. */
  readonly dirt: number;
}

/** The business before its launch, as its two upstreams and their old exports show it. */
export interface LaunchData {
  readonly invoices: readonly XenditRow[];
  readonly transactions: readonly XenditRow[];
  readonly contacts: readonly ContactRow[];
  readonly tags: readonly TagRow[];
  readonly csv: { readonly xendit: string; readonly systemeio: string };
  readonly manifest: LaunchManifest;
}

/** Makes the business: the same for the same options, on every machine, whichever sandbox asks. */
export function generateLaunch({ seed, share, dirt }: LaunchOptions): LaunchData {
  const random = new Random(seed);
  const contacts = makeContacts(random.fork('contacts'), share, dirt);
  const sales = share === 0 ? [] : makeSales(random.fork('sales'), contacts, share, dirt);
  const movements = makeTransactions(random.fork('movements'), sales, share, dirt);
  const tags = tagRows(contacts);
  const byName = new Map(tags.map((tag) => [tag.name, tag]));
  return {
    invoices: sales.map(invoiceRow),
    transactions: movements.map(transactionRow),
    contacts: contacts.map((contact) => contactRow(contact, byName)),
    tags,
    csv: { xendit: xenditCsv(sales), systemeio: systemeioCsv(contacts) },
    manifest: manifestOf({ seed, share }, sales, movements, contacts),
  };
}
