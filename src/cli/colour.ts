const codes = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

export type Tone = keyof typeof codes;

/** Colours a text, or leaves it as it is where colours are not wanted. */
export type Paint = (text: string, tone: Tone | undefined) => string;

export function createPaint(enabled: boolean): Paint {
  return (text, tone) => (enabled && tone && text ? `\u001b[${codes[tone]}m${text}\u001b[0m` : text);
}

/** Only where a person looks at it, and did not ask for none. */
export function shouldUseColour(stream: { isTTY?: boolean }, env: { noColour: boolean }): boolean {
  return stream.isTTY === true && !env.noColour;
}
