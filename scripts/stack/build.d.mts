export function ensureBuild(root: string, report?: (message: string) => void): string;
