/** The parts a plan needs to write products and prices to Stripe. */
export { openStripeCatalog, type StripeCatalog } from '../../upstreams/stripe/client.ts';
export { fromStripe, isSupported, maxUnitAmount, toStripe } from './amounts.ts';
export { compareProducts, type ExpectedProduct, observeProducts } from './compare.ts';
export { type DesiredProduct, metadataKeys, type RecordedIds } from './lookup.ts';
export { createProductWriter, idsOf, type ProductOutcome, type ProductWriter } from './products.ts';
export { fieldsToRestore, undoObject, undoOrder } from './undo.ts';
