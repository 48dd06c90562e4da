/** The binding's types against Cloudflare's own; the compiler is who tests here, `npm test` runs it. api.md §14. */

import type * as Workers from '@cloudflare/workers-types'
import { describe, expectTypeOf, test } from 'vitest'
import type {
  AlreadyUploadedError,
  BadRequestError,
  ForbiddenError,
  InternalError,
  InvalidURLError,
  MaxFileSizeError,
  NotFoundError,
  QuotaReachedError,
  RateLimitedError,
  StreamBinding,
  StreamError,
  TooManyWatermarksError,
} from '../../src/binding/index.ts'

describe('the types', () => {
  test('the binding and everything on it can be given where Cloudflare asks for its own', () => {
    expectTypeOf<StreamBinding>().toExtend<Workers.StreamBinding>()
    expectTypeOf<ReturnType<StreamBinding['video']>>().toExtend<Workers.StreamVideoHandle>()
    expectTypeOf<Workers.ReadableStream>().toExtend<Parameters<StreamBinding['watermarks']['generate']>[0]>()
    expectTypeOf<ReadableStream<Uint8Array>>().toExtend<
      Parameters<StreamBinding['watermarks']['generate']>[0]
    >()
  })

  test('parameters are the same, both ways', () => {
    expectTypeOf<Parameters<StreamBinding['upload']>>().branded.toEqualTypeOf<
      Parameters<Workers.StreamBinding['upload']>
    >()
    expectTypeOf<Parameters<StreamBinding['createDirectUpload']>>().branded.toEqualTypeOf<
      Parameters<Workers.StreamBinding['createDirectUpload']>
    >()
    expectTypeOf<Parameters<StreamBinding['videos']['list']>>().branded.toEqualTypeOf<
      Parameters<Workers.StreamVideos['list']>
    >()
  })

  test('a video has every field of Cloudflare’s and no other', () => {
    type Video = Awaited<ReturnType<StreamBinding['upload']>>
    expectTypeOf<keyof Video>().toEqualTypeOf<keyof Workers.StreamVideo>()
    expectTypeOf<keyof NonNullable<Video['watermark']>>().toEqualTypeOf<keyof Workers.StreamWatermark>()
  })

  test('errors are of Cloudflare’s kinds', () => {
    expectTypeOf<StreamError>().toExtend<Workers.StreamError>()
    expectTypeOf<BadRequestError>().toExtend<Workers.BadRequestError>()
    expectTypeOf<ForbiddenError>().toExtend<Workers.ForbiddenError>()
    expectTypeOf<NotFoundError>().toExtend<Workers.NotFoundError>()
    expectTypeOf<RateLimitedError>().toExtend<Workers.RateLimitedError>()
    expectTypeOf<QuotaReachedError>().toExtend<Workers.QuotaReachedError>()
    expectTypeOf<MaxFileSizeError>().toExtend<Workers.MaxFileSizeError>()
    expectTypeOf<InvalidURLError>().toExtend<Workers.InvalidURLError>()
    expectTypeOf<AlreadyUploadedError>().toExtend<Workers.AlreadyUploadedError>()
    expectTypeOf<TooManyWatermarksError>().toExtend<Workers.TooManyWatermarksError>()
    expectTypeOf<InternalError>().toExtend<Workers.InternalError>()
  })
})
