import { type ExitCode, exitCodes } from './exit-code.ts';

export interface ProblemDetails {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string | undefined;
  readonly exitCode?: ExitCode | undefined;
  /** The HTTP status, when the API responded. */
  readonly status?: number | undefined;
  /** The single errors, when there are several. */
  readonly items?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/** An error that ends a command: shown as `CODE: message` and `→ remedy`; the process ends with its exit code. */
export class Problem extends Error {
  readonly code: string;
  readonly remedy: string | undefined;
  readonly exitCode: ExitCode;
  readonly status: number | undefined;
  readonly items: readonly string[];

  constructor(details: ProblemDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'Problem';
    this.code = details.code;
    this.remedy = details.remedy;
    this.exitCode = details.exitCode ?? exitCodes.usage;
    this.status = details.status;
    this.items = details.items ?? [];
  }
}

/** An error in the command line itself. */
export function usageError(message: string, remedy?: string): Problem {
  return new Problem({ code: 'USAGE', message, remedy });
}

/** Any thrown value as a problem. An unexpected one is a defect of this program and is reported without its stack. */
export function toProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Problem({
    code: 'UNEXPECTED',
    message,
    remedy: 'Check that this command line and the service are of the same version; if they are, report it.',
    exitCode: exitCodes.failures,
    cause: thrown,
  });
}
