/** What one look at one thing came to. A warning is worth reading and stops nothing. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  /** Always there with a problem. */
  readonly remedy?: string | undefined;
}

export function okFinding(name: string, detail: string): Finding {
  return { name, state: 'ok', detail };
}

export function warningFinding(name: string, detail: string, remedy: string): Finding {
  return { name, state: 'warning', detail, remedy };
}

export function problemFinding(name: string, detail: string, remedy: string): Finding {
  return { name, state: 'problem', detail, remedy };
}
