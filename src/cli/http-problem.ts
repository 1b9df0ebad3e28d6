import { exitCodes } from './exit-code.ts';
import { Problem } from './problem.ts';

/** A response whose body was read completely. */
export interface TextResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** RFC 9457 as the API writes it. Any field may be missing, because a proxy may have sent the response. */
interface Details {
  readonly code?: unknown;
  readonly title?: unknown;
  readonly detail?: unknown;
  readonly remedy?: unknown;
  readonly errors?: unknown;
}

/** The problem in a response, with the exit code for its status. */
export function problemFromResponse(response: TextResponse): Problem {
  const { status } = response;
  const details = detailsOf(response.text);
  const location = response.headers.get('location');
  if (status < 400) return notDroverProblem(`${status} to ${location ?? 'another address'}`);
  const message = nonEmptyText(details?.detail) ?? nonEmptyText(details?.title) ?? `the service answered ${status}`;
  return new Problem({
    code: nonEmptyText(details?.code) ?? `HTTP_${status}`,
    message,
    remedy: remedyOf(status, nonEmptyText(details?.remedy)),
    // The message often contains them already.
    items: errorItems(details?.errors).filter((item) => !message.includes(item)),
    exitCode: status < 500 ? exitCodes.usage : exitCodes.unreachable,
    status,
  });
}

/** A server responded that is not Drover. */
export function notDroverProblem(message: string, cause?: unknown): Problem {
  const remedy = 'Something else than Drover answers there: check DROVER_URL.';
  return new Problem({ code: 'NOT_DROVER', message, remedy, exitCode: exitCodes.unreachable, cause });
}

function remedyOf(status: number, given: string | undefined): string | undefined {
  if (status === 401) {
    return 'Set DROVER_TOKEN to a valid key: the first start of the service prints the first one, `drover keys create` makes more.';
  }
  if (status === 403) return given ?? 'The key in DROVER_TOKEN may not do this: use one of a higher role.';
  if (given) return given;
  return status >= 500 ? 'Look at the log of the service, then try again.' : undefined;
}

function detailsOf(text: string): Details | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Validation errors are texts, or objects with the place and the message. */
function errorItems(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  return errors.map((error: unknown) => {
    if (typeof error !== 'object' || error === null) return String(error);
    const { path, field, message } = error as Record<string, unknown>;
    const where = nonEmptyText(path) ?? nonEmptyText(field);
    return `${where ? `${where}: ` : ''}${nonEmptyText(message) ?? JSON.stringify(error)}`;
  });
}

function nonEmptyText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const resetCodes = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];

/** True when an open connection broke: it is unknown whether the request was carried out. */
export function isConnectionReset(error: unknown): boolean {
  return resetCodes.includes(networkErrorCode(error) ?? '');
}

/** A network error as a problem. */
export function problemFromNetworkError(error: unknown, url: string, method: string): Problem {
  const code = networkErrorCode(error);
  const unsure = method === 'GET' ? '' : ' Whether it was carried out is not known: look before you repeat it.';
  const unreachable = (message: string, remedy: string): Problem =>
    new Problem({ code: 'SERVICE_UNREACHABLE', message, remedy, exitCode: exitCodes.unreachable, cause: error });
  if (code === 'TimeoutError' || code?.includes('TIMEOUT') || code === 'ETIMEDOUT') {
    return unreachable(`${url} did not answer in time`, `Check the service with \`drover doctor\`.${unsure}`);
  }
  if (code === 'ECONNREFUSED') {
    return unreachable(
      `nothing answers at ${url}`,
      'Start the service (`drover up`) or set DROVER_URL to where it is.',
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return unreachable(`the name in ${url} cannot be resolved`, 'Check DROVER_URL and the network.');
  }
  if (isConnectionReset(error)) {
    return unreachable(`the connection to ${url} broke`, `Try again.${unsure}`);
  }
  const text = error instanceof Error ? error.message : String(error);
  return unreachable(`${url} cannot be reached (${code ?? text})`, 'Check DROVER_URL and the network between.');
}

/** fetch hides the code in the causes of its error; with several addresses tried there is one error for each. */
function networkErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'TimeoutError') return error.name;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  const inner = error.cause ?? (error instanceof AggregateError ? error.errors[0] : undefined);
  return inner === undefined ? undefined : networkErrorCode(inner);
}
