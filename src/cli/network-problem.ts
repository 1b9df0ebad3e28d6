import { exitCodes } from './exit-code.ts';
import { Problem } from './problem.ts';

const resetCodes = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];

/** True when a connection that stood was broken: whether the request was carried out is not known. */
export function isConnectionReset(error: unknown): boolean {
  return resetCodes.includes(networkErrorCode(error) ?? '');
}

/** What went wrong between here and the service, in words. */
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
