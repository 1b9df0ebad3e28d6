import { vocabulary, vocabularyParser } from './vocabulary.ts';

/** Statuses of a booking, and other words for them. */
export const bookingStatuses = {
  pending: [],
  confirmed: [],
  in_progress: [],
  completed: ['complete', 'done', 'finished'],
  cancelled: ['canceled', 'cancel'],
  no_show: ['noshow', 'did not show'],
  rescheduled: [],
} as const;

/** Statuses of a payment, and other words for them. */
export const paymentStatuses = {
  pending: ['unpaid'],
  processing: [],
  succeeded: ['success', 'successful', 'succeed', 'paid', 'settled', 'complete', 'completed'],
  failed: ['fail', 'failure', 'declined'],
  cancelled: ['canceled', 'cancel'],
  expired: [],
  refunded: ['refund'],
  partially_refunded: ['partial refund', 'partly refunded'],
  disputed: ['chargeback'],
} as const;

export const bookingWords = vocabulary(bookingStatuses);
export const paymentWords = vocabulary(paymentStatuses);

export const bookingStatus = vocabularyParser('booking_status', 'UNKNOWN_STATUS', 'a known booking status');
export const paymentStatus = vocabularyParser('payment_status', 'UNKNOWN_STATUS', 'a known payment status');
