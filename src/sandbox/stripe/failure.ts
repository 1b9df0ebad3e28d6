/** The fields of Stripe's `error` object besides the message. */
interface FailureDetails {
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
  readonly [field: string]: unknown;
}

/** An error in Stripe's format. */
export class StripeFailure extends Error {
  readonly status: number;
  readonly error: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /** True when the operation had started: only then is the error stored under the idempotency key. */
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

/** An error about parameters, thrown before the operation starts. Not stored under the idempotency key. */
export function invalid(message: string, details: FailureDetails = {}): StripeFailure {
  return new StripeFailure(400, message, details);
}

/** An error of a started operation, which is stored under the idempotency key. */
export function conflict(message: string, details: FailureDetails = {}, status = 400): StripeFailure {
  return new StripeFailure(status, message, details, { executed: true });
}

/** The error for an id that does not exist: 404 for the id of the path, 400 for a parameter. */
export function missing(title: string, id: string, param: string, hint = ''): StripeFailure {
  return new StripeFailure(param === 'id' ? 404 : 400, `No such ${title}: '${id}'${hint}`, {
    code: 'resource_missing',
    param,
  });
}

/** The name of the error code's documentation page. */
function docName({ code }: FailureDetails): string {
  return String(code).replaceAll('_', '-');
}
