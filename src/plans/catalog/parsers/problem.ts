/** Why a value makes no product. */
export class Problem {
  readonly code: string;
  readonly field: string;
  readonly message: string;

  constructor(code: string, field: string, message: string) {
    this.code = code;
    this.field = field;
    this.message = message;
  }
}
