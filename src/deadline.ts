/**
 * The result of `work`, or the error that `lateError` returns when the work takes longer than `ms` milliseconds. The work
 * itself is not stopped; its later result or error is dropped.
 */
export async function withDeadline<T>(work: Promise<T>, ms: number, lateError: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(lateError()), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
