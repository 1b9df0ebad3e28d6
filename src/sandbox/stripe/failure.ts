/** What Stripe's `error` object holds besides its type. */
export interface FailureDetails {
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
  readonly [more: string]: unknown;
}

/** A refusal in Stripe's shape. */
export class StripeFailure extends Error {
  readonly status: number;
  readonly error: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** True when the endpoint had begun to work: only then is the refusal kept under the idempotency key. */
  readonly executed: boolean;

  constructor(
    status: number,
    message: string,
    { type = 'invalid_request_error', ...details }: FailureDetails = {},
    { executed = false, headers = {} }: { executed?: boolean; headers?: Record<string, string> } = {},
  ) {
    super(message);
    const docs =
      details.code === undefined ? {} : { doc_url: `https://stripe.com/docs/error-codes/${docName(details)}` };
    this.status = status;
    this.error = { ...details, ...docs, message, type };
    this.headers = headers;
    this.executed = executed;
  }
}

/** Refuses parameters before anything is done. */
export function invalid(message: string, details: FailureDetails = {}): StripeFailure {
  return new StripeFailure(400, message, details);
}

/** Refuses in the middle of the work: what the key was used for is remembered. */
export function conflict(message: string, details: FailureDetails = {}, status = 400): StripeFailure {
  return new StripeFailure(status, message, details, { executed: true });
}

/** Nothing has this id: 404 when the path names it, 400 when a parameter does. */
export function missing(title: string, id: string, param: string, hint = ''): StripeFailure {
  return new StripeFailure(param === 'id' ? 404 : 400, `No such ${title}: '${id}'${hint}`, {
    code: 'resource_missing',
    param,
  });
}

function docName({ code }: FailureDetails): string {
  return String(code).replaceAll('_', '-');
}
