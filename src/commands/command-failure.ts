/**
 * What stops a command: one sentence for the person who typed it. A class of its own, since `HeadwaterError` names what
 * the server answers, and none of this ever happens there.
 */
export class CommandFailure extends Error {
  /** Status of the server's answer, where it was one. */
  readonly status: number | undefined

  constructor(sentence: string, options: { cause?: unknown; status?: number } = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CommandFailure'
    this.status = options.status
  }
}
