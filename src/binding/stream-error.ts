/** The errors of the binding, told apart by `name` as in Workers; which answer becomes which is api.md §14. */

/** What every error carries beside its message. */
export type StreamErrorFacts = {
  /** The API's own number, docs/errors.md; 10500 where no answer of the API came. */
  readonly code: number
  /** The HTTP status; 502 where no answer of the API came. */
  readonly statusCode: number
  readonly cause?: unknown
}

/** The base of all, and itself what a refusal becomes that has no class of its own. */
export class StreamError extends Error {
  override readonly name: string = 'StreamError'
  readonly code: number
  readonly statusCode: number

  constructor(message: string, facts: StreamErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = facts.code
    this.statusCode = facts.statusCode
  }
}

/** 400: a parameter is missing, of the wrong type or out of range. */
export class BadRequestError extends StreamError {
  override readonly name = 'BadRequestError'
}

/** 401 and 403: the token is not good, or not for this. */
export class ForbiddenError extends StreamError {
  override readonly name = 'ForbiddenError'
}

/** 404: there is no such video, caption, download or watermark. */
export class NotFoundError extends StreamError {
  override readonly name = 'NotFoundError'
}

/** 409 to an upload: a video came this way already. */
export class AlreadyUploadedError extends StreamError {
  override readonly name = 'AlreadyUploadedError'
}

/** 413: the file is over its limit. */
export class MaxFileSizeError extends StreamError {
  override readonly name = 'MaxFileSizeError'
}

/** 413 with code 10011: the storage minutes of the account are used up. */
export class QuotaReachedError extends StreamError {
  override readonly name = 'QuotaReachedError'
}

/** 429: too many requests, or too many videos in work. */
export class RateLimitedError extends StreamError {
  override readonly name = 'RateLimitedError'
}

/** The address of a watermark's image is refused or cannot be fetched. */
export class InvalidURLError extends StreamError {
  override readonly name = 'InvalidURLError'
}

/** The account has as many watermark profiles as it may have. */
export class TooManyWatermarksError extends StreamError {
  override readonly name = 'TooManyWatermarksError'
}

/** 500 and above, no answer at all, or one that is not the API's. Calls that a server has not built yet: 501. */
export class InternalError extends StreamError {
  override readonly name = 'InternalError'
}

/** A refusal as the API worded it. */
export type Refusal = {
  readonly statusCode: number
  readonly code: number
  readonly message: string
  /** JSON pointer of the field that is at fault, where the API names one. */
  readonly pointer?: string
}

type ErrorClass = new (message: string, facts: StreamErrorFacts) => StreamError

/** What a call makes of refusals that mean something special to it; undefined = the general rule. */
export type ClassifyRefusal = (refusal: Refusal) => ErrorClass | undefined

const BY_STATUS: Readonly<Record<number, ErrorClass>> = {
  400: BadRequestError,
  401: ForbiddenError,
  403: ForbiddenError,
  404: NotFoundError,
  429: RateLimitedError,
}

const BY_CODE_OF_413: Readonly<Record<number, ErrorClass>> = {
  10008: MaxFileSizeError,
  10011: QuotaReachedError,
}

/** The error that tells `refusal`. */
export function toStreamError(refusal: Refusal, classify?: ClassifyRefusal): StreamError {
  const { statusCode, code, message } = refusal
  const general = statusCode === 413 ? BY_CODE_OF_413[code] : BY_STATUS[statusCode]
  const Chosen = classify?.(refusal) ?? general ?? (statusCode >= 500 ? InternalError : StreamError)
  return new Chosen(message, { code, statusCode })
}

/** For values that would not even make a request: what the server would answer. */
export function badRequest(sentence: string): BadRequestError {
  return new BadRequestError(`Bad Request: ${sentence}`, { code: 10005, statusCode: 400 })
}
