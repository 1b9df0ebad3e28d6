/** What a plan needs to put products and prices into Stripe. */
export { openStripeCatalog, type StripeCatalog } from '../../upstreams/stripe/client.ts';
export { fromStripe, isSupported, mostOf, toStripe } from './amounts.ts';
export { compareProducts, type Expected, observeProducts } from './compare.ts';
export { createProductWriter, idsOf, type Outcome, type ProductWriter } from './products.ts';
export { undoObject, undoOrder, wayBack } from './undo.ts';
export { type Known, marks, type Wanted } from './wanted.ts';
