/** Requests to the JSON API with the dashboard's session (a cookie that scripts cannot read). */

type Envelope = {
  readonly success: boolean
  readonly result: unknown
  readonly errors: readonly { readonly code: number; readonly message: string }[]
}

/** An answer that is not a success. `message` is the server's sentence. */
export class ApiError extends Error {
  readonly status: number
  readonly code: number

  constructor(status: number, code: number, message: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
  }
}

/** Sends a request and unwraps the envelope. Throws `ApiError`, or a `TypeError` when the server cannot be reached. */
export async function request<Result>(
  path: string,
  options: { method?: string; body?: unknown } = {},
): Promise<Result> {
  const response = await fetch(path, {
    method: options.method ?? 'GET',
    credentials: 'same-origin',
    ...(options.body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(options.body) }),
  })
  const envelope = (await response.json().catch(() => undefined)) as Envelope | undefined
  if (response.ok && envelope?.success) return envelope.result as Result
  const problem = envelope?.errors[0]
  throw new ApiError(
    response.status,
    problem?.code ?? 0,
    problem?.message ?? `The server answered with status ${response.status}.`,
  )
}

/** What to tell a person about a failed request. */
export function describeError(error: unknown): string {
  if (error instanceof ApiError) return error.message
  if (error instanceof TypeError) return 'The server cannot be reached. Is it still running?'
  return error instanceof Error ? error.message : 'Something went wrong.'
}
